"""`spacy-nuner baseline` on the sample's recorded replies."""

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

SAMPLE = Path(__file__).parents[2] / "assets" / "sample"


@pytest.fixture(scope="module")
def ner(tmp_path_factory):
    """`corpus/ner` with the test set of workshop."""
    folder = tmp_path_factory.mktemp("ner") / "workshop"
    folder.mkdir()
    nlp = spacy.blank("en")
    docs = []
    with (SAMPLE / "downstream" / "workshop.test.jsonl").open() as file:
        for line in file:
            record = json.loads(line)
            doc = nlp.make_doc(record["text"])
            spans = (
                doc.char_span(s["start"], s["end"], s["label"]) for s in record["spans"]
            )
            doc.ents = [span for span in spans if span is not None]
            docs.append(doc)
    for part in ("pool", "test"):
        DocBin(docs=docs).to_disk(folder / f"{part}.spacy")
    labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
    (folder / "meta.json").write_text(json.dumps({"labels": labels}))
    return folder.parent


def run(*arguments):
    result = CliRunner().invoke(app, ["baseline", *map(str, arguments)])
    return result, " ".join(result.output.split())


def test_cells_are_made_then_skipped(ner, tmp_path):
    output = tmp_path / "ner_v3"
    arguments = [SAMPLE / "llm_ner_v3", tmp_path / "none", "--datasets-dir", ner]
    arguments += ["--output", output]
    result, text = run(*arguments)
    assert result.exit_code == 0, text
    assert "none: not there, left out" in text
    assert "gallery: no such data set" in text
    assert "4 cells computed, 0 were finished already" in text
    names = sorted(str(p.relative_to(output)) for p in output.rglob("seed0.json"))
    assert names == [
        f"{system}/workshop/{k}/seed0.json"
        for system in ("llm_ner_v3", "llm_ner_v3_repaired")
        for k in ("kw0", "kw8")
    ]
    result, text = run(*arguments)
    assert "0 cells computed, 4 were finished already" in text


def test_nothing_recorded(ner, tmp_path):
    result, text = run(tmp_path / "none", "--datasets-dir", ner)
    assert result.exit_code == 1
    assert "N001" in text
    assert "none: not there" in text
    (tmp_path / "replies.csv").touch()
    result, text = run(tmp_path / "replies.csv", "--datasets-dir", ner)
    assert result.exit_code == 1
    assert "replies.csv: neither a folder nor a config (.cfg), left out" in text
    result, text = run(tmp_path / "no.cfg", "--datasets-dir", ner)
    assert result.exit_code == 1
    assert "no.cfg: not there" in text and "N001" in text
    (tmp_path / "empty").mkdir()
    result, text = run(tmp_path / "empty", "--datasets-dir", ner)
    assert result.exit_code == 1
    assert "N001" in text


def test_a_config_is_filled_in(ner, tmp_path):
    """A config without labels of a data set: one for each data set is made of it."""
    config = tmp_path / "recorded.cfg"
    config.write_text(
        (SAMPLE / "llm_ner_v3" / "workshop.kw0.cfg")
        .read_text()
        .replace("workshop.kw0", str(SAMPLE / "llm_ner_v3" / "workshop.kw0"))
    )
    where = ["--datasets-dir", ner, "--output", tmp_path / "ner_v3"]
    where += ["--replies", tmp_path / "asked", "--labels-dir", tmp_path]
    result, text = run(config, "--limit", 30, "--k-words", "0,99999", *where)
    # the recording is one to other definitions, and says so
    assert result.exit_code == 1
    assert "workshop, k_w = 99999: the pool has fewer words" in text
    assert "N103" in text
    assert (tmp_path / "asked/recorded/workshop.kw0.cfg").is_file()
    result, text = run(config, "--k-words", "eight", *where)
    assert result.exit_code == 1
    assert "N512" in text
