import json
import re
from pathlib import Path

import pytest
import typer
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_nuner.cli.calibrate import calibrate
from spacy_nuner.component.calibration import find_thresholds, read_calibration

from ..conftest import export_tiny

app = typer.Typer()
app.command()(calibrate)

PLACES, PEOPLE = ("Oslo", "Rome", "Paris", "Lima"), ("Ada", "Bob", "Eve", "Max")


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result.exit_code, " ".join(plain.split())


@pytest.fixture
def encoder(tiny_encoder: Path, tmp_path: Path) -> Path:
    """An encoder folder as `spacy-nuner export` leaves it."""
    return export_tiny(tiny_encoder, tmp_path / "encoder")


def write_corpus(path: Path, n_sentences: int, *, n_concepts: int = 2) -> Path:
    """A corpus with a person and a city in each sentence, or with less."""
    docs = []
    for i in range(n_sentences):
        words = [PEOPLE[i % 4], "lives", "in", PLACES[i // 4 % 4], "."]
        doc = Doc(Vocab(), words=words)
        spans = [Span(doc, 0, 1, "person"), Span(doc, 3, 4, "city")]
        doc.spans["concepts"] = spans[:n_concepts]
        docs.append(doc)
    for part in ("train", "dev"):
        (path / part).mkdir(parents=True)
        DocBin(docs=docs, store_user_data=True).to_disk(path / part / "00000.spacy")
    return path


def test_calibrate(
    encoder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus, output = write_corpus(tmp_path / "corpus", 12), tmp_path / "m" / "c.json"
    code, said = run(encoder, corpus, "-o", output)
    assert code == 0, said
    assert "2 concepts with their own" in said
    assert caplog.text == ""
    known = read_calibration(encoder)
    assert known is not None
    summary = json.loads(output.read_text())
    assert summary["threshold"] == known.threshold
    assert summary["scale"] == pytest.approx(known.scale)
    assert known.scale > 0
    assert summary["n_concepts"] == 2
    assert {row["concept"]: row["n"] for row in summary["concepts"]} == {
        "person": 12,
        "city": 12,
    }
    # B O O B O: nothing follows an I, and no B stands beside another
    (oo, ob, oi), (bo, bb, bi), inside = summary["transitions"]
    assert [oo, ob, bo] == pytest.approx([0.25, 0.25, 0.5])
    assert [oi, bb, bi, *inside] == [0] * 6
    names = {point["name"] for point in summary["reliability"]}
    assert names == {"calibrated", "as decided", "as trained"}
    for point in summary["reliability"]:
        assert 0 <= point["predicted"] <= 1
        assert 0 <= point["observed"] <= 1
    # a second time gives the same
    before = output.read_bytes(), (encoder / "calibration.safetensors").read_bytes()
    assert run(encoder, corpus, "-o", output)[0] == 0
    after = output.read_bytes(), (encoder / "calibration.safetensors").read_bytes()
    assert after == before


def test_few_mentions_give_one_threshold(
    encoder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus, output = write_corpus(tmp_path / "corpus", 4), tmp_path / "c.json"
    code, said = run(encoder, corpus, "-o", output)
    assert code == 0, said
    assert "0 concepts with their own" in said
    assert "W403" in caplog.text
    assert "None of the 2 concepts" in caplog.text
    summary = json.loads(output.read_text())
    assert summary["concepts"] == []
    assert summary["reliability"]
    known = read_calibration(encoder)
    assert known is not None
    assert known.vectors.shape == (0, 16)
    vectors = known.centre[None] + 1
    assert find_thresholds(known, vectors).tolist() == [summary["threshold"]]


def test_nothing_to_tell_apart(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", 8, n_concepts=1)
    code, said = run(encoder, corpus, "-o", tmp_path / "c.json")
    assert code == 1
    assert re.search(r"N429.*dev' has mentions of 1 concepts", said), said
    assert not (tmp_path / "c.json").exists()
    assert read_calibration(encoder) is None


def test_missing_inputs(encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, said = run(encoder, tmp_path / "empty", "-o", tmp_path / "c.json")
    assert code == 1
    assert "N001" in said
    corpus = write_corpus(tmp_path / "corpus", 4)
    (encoder / "nuner.json").unlink()
    code, said = run(encoder, corpus, "-o", tmp_path / "c.json")
    assert code == 1
    assert "N408" in said
    code, said = run(tmp_path / "none", corpus, "-o", tmp_path / "c.json")
    assert code == 1, said
    assert not (tmp_path / "c.json").exists()


def test_help_teaches() -> None:
    code, said = run("--help")
    assert code == 0
    for part in ("labels never seen", "calibration.safetensors", "set_labels"):
        assert part in said
