import json
import re
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spacy_nuner.cli.convert import convert

ASSETS = Path(__file__).parent.parent.parent / "assets"

app = typer.Typer()
app.command()(convert)


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, re.sub(
        r"\x1b\[[0-9;]*m", "", " ".join(result.output.split())
    )


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """The project's assets with one of the public sets, of our own making."""
    path = tmp_path / "assets"
    shutil.copytree(ASSETS / "labels", path / "labels")
    shutil.copytree(ASSETS / "sample" / "downstream", path / "sample" / "downstream")
    folder = path / "datasets" / "bionlp2004_jnlpba"
    folder.mkdir(parents=True)
    shared = "the\tO\nIL-2\tB-DNA\ngene\tI-DNA\n\n"
    pool = f"-DOCSTART-\tO\n\n{shared}T\tB-cell_type\ncells\tI-cell_type\n\n"
    (folder / "devel.tsv").write_text(pool)
    (folder / "test.tsv").write_text(f"-DOCSTART-\tO\n\n{shared}")
    return path


def test_all_that_are_there(assets: Path, tmp_path: Path) -> None:
    out = tmp_path / "ner"
    code, output = run("--all", "--assets", assets, "--output", out)
    assert code == 0, output
    assert sorted(p.name for p in out.iterdir()) == [
        "bionlp2004",
        "gallery",
        "workshop",
    ]
    assert "mit_movie: not there" in output
    assert "mit_restaurant: not there" in output
    assert "wikineural: not there" in output
    assert "gallery: 320 pool and 260 test sentences, 6 labels" in output
    assert "1 of the pool left out (in the test part)" in output
    meta = json.loads((out / "bionlp2004" / "meta.json").read_text())
    assert (meta["n_pool"], meta["n_test"]) == (1, 1)
    assert meta["entities"]["pool"]["cell_type"] == 1


def test_named(assets: Path, tmp_path: Path) -> None:
    code, _ = run("workshop", "--assets", assets, "-o", tmp_path / "ner")
    assert code == 0
    assert [p.name for p in (tmp_path / "ner").iterdir()] == ["workshop"]


def test_own_data(tmp_path: Path) -> None:
    (tmp_path / "labels.yml").write_text("A: {name: thing, definition: any thing}")
    (tmp_path / "data.bio").write_text("O\tsome\nU-A\tthing\n")
    (tmp_path / "test.bio").write_text("U-A\tthings\n")
    options = [
        *("--pool", tmp_path / "data.bio", "--test", tmp_path / "test.bio"),
        *("--format", "label-token", "-o", tmp_path / "ner"),
    ]
    code, output = run("mine", *options)
    assert code == 1
    assert "N213" in output
    code, output = run("mine", *options, "--label-file", tmp_path / "labels.yml")
    assert code == 0, output
    assert "mine: 1 pool and 1 test sentences, 1 labels" in output


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["conll2003"], r"N211.*conll2003.*gallery, workshop"),
        ([], "N211.*nothing"),
        (["mit_movie"], "N001.*engtrain"),
    ],
)
def test_errors(assets: Path, tmp_path: Path, args: list[str], error: str) -> None:
    code, output = run(*args, "--assets", assets, "-o", tmp_path / "ner")
    assert code == 1
    assert re.search(error, output), output


def test_nothing_is_there(tmp_path: Path) -> None:
    code, output = run("--all", "--assets", tmp_path, "-o", tmp_path / "ner")
    assert code == 1
    assert "N212" in output
