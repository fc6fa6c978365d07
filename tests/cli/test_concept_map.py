import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spacy_nuner.cli.concept_map import concept_map
from spacy_nuner.report.concept_map import read_concept_map

from ..conftest import export_tiny
from .test_calibrate import write_corpus

app = typer.Typer()
app.command()(concept_map)


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result.exit_code, " ".join(plain.split())


@pytest.fixture
def encoder(tiny_encoder: Path, tmp_path: Path) -> Path:
    """An encoder folder as `spacy-nuner export` leaves it."""
    return export_tiny(tiny_encoder, tmp_path / "encoder")


def test_concept_map(encoder: Path, tmp_path: Path) -> None:
    corpus, output = write_corpus(tmp_path / "corpus", 8), tmp_path / "m" / "map.json"
    labels = tmp_path / "mine.yml"
    labels.write_text("CITY: {name: city, definition: a town}\nPER: a human\n")
    code, said = run(encoder, corpus, "-o", output, "--labels", labels)
    assert code == 0, said
    assert "2 of 2 concepts" in said
    assert "laid out by PCA" in said
    assert re.search(r"mine +1 of 2", said), said
    found = json.loads(output.read_text())
    # both parts are read
    assert [(one["name"], one["count"]) for one in found["concepts"]] == [
        ("city", 16),
        ("person", 16),
    ]
    city = found["concepts"][0]
    i, start, end = city["mentions"][0]
    assert found["sentences"][i][start:end] in ("Oslo", "Rome", "Paris", "Lima")
    assert found["coverage"][0]["labels"][0]["exact"] == 16
    # what the report reads
    assert read_concept_map(output)["concepts"][1]["name"] == "person"
    before = output.read_bytes()
    assert run(encoder, corpus, "-o", output, "--labels", labels)[0] == 0
    assert output.read_bytes() == before


def test_problems_are_said(encoder: Path, tmp_path: Path) -> None:
    corpus, output = write_corpus(tmp_path / "corpus", 4), tmp_path / "map.json"
    empty = tmp_path / "empty.yml"
    empty.write_text("[]\n")
    for args, expected in (
        ((encoder, tmp_path / "none"), "N001"),
        ((tmp_path / "none", corpus), "N001"),
        ((encoder, corpus, "--method", "tsne"), "N590"),
        ((encoder, corpus, "--min-count", 9), "N592"),
        ((encoder, corpus, "--labels", tmp_path / "no.yml"), "N001"),
        ((encoder, corpus, "--labels", empty), "N593"),
    ):
        code, said = run(*args, "-o", output)
        assert code == 1, said
        assert expected in said
    assert not output.exists()


def test_help_teaches() -> None:
    code, said = run("--help")
    assert code == 0
    for part in ("Figure 6", "spacy-nuner report", "cover"):
        assert part in said
