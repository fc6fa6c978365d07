"""`spacy-nuner universal-data` and `spacy-nuner others`: messages and files."""

import json
from pathlib import Path

import spacy
import srsly
from spacy.tokens import DocBin, Span
from typer.testing import CliRunner

from spacy_nuner.cli.main import app


def run(*arguments):
    result = CliRunner().invoke(app, [str(part) for part in arguments])
    return result, " ".join(result.output.split())


def write_dataset(folder: Path) -> Path:
    nlp = spacy.blank("en")
    docs = []
    for text, label in [("eat pie", "dish"), ("cheap bar", "price")] * 4:
        doc = nlp.make_doc(text)
        start = int(label == "dish")
        doc.set_ents([Span(doc, start, start + 1, label)], default="outside")
        docs.append(doc)
    folder.mkdir(parents=True)
    for part in ("pool", "test"):
        DocBin(docs=docs).to_disk(folder / f"{part}.spacy")
    srsly.write_json(folder / "meta.json", {"labels": ["dish", "price"]})
    return folder


def test_universal_data(tmp_path):
    data = write_dataset(tmp_path / "ner" / "food")
    output = tmp_path / "train.json"
    result, text = run("universal-data", data, "-o", output, "--k", 1)
    assert result.exit_code == 0, text
    assert "train.json: 2 conversations, 4 questions" in text
    assert len(json.loads(output.read_text())) == 2
    result, text = run("universal-data", data, "-o", output, "--negatives", 0)
    assert "8 conversations, 8 questions" in text
    result, text = run("universal-data", data, "-o", tmp_path / "x.txt")
    assert result.exit_code == 1
    assert "N583" in text
    result, text = run("universal-data", data, "-o", output, "--k-words", 99)
    assert result.exit_code == 1
    assert "N584" in text


def test_others(tmp_path):
    write_dataset(tmp_path / "ner" / "food")
    where = ["--datasets-dir", tmp_path / "ner", "-o", tmp_path / "metrics"]
    result, text = run("others", "flair", "--model", tmp_path, *where)
    assert result.exit_code == 1
    assert "N509" in text
    result, text = run("others", "gliner", "--model", tmp_path / "none", *where)
    assert result.exit_code == 1
    assert "N001" in text
    result, text = run(
        "others", "span-marker", "--model", tmp_path, "--python", "no_python", *where
    )
    assert result.exit_code == 1
    assert "no_python" in text
