"""The benchmarks as modules, and a small data set of the sample's."""

import json
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))


@pytest.fixture(scope="session")
def datasets_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`corpus/ner` with 60 sentences of the pool of gallery."""
    folder = tmp_path_factory.mktemp("ner")
    path = folder / "gallery"
    path.mkdir()
    nlp = spacy.blank("en")
    docs = []
    file = ROOT / "assets" / "sample" / "downstream" / "gallery.pool.jsonl"
    for line in file.read_text(encoding="utf8").splitlines()[:60]:
        record = json.loads(line)
        doc = nlp.make_doc(record["text"])
        spans = [
            doc.char_span(s["start"], s["end"], s["label"]) for s in record["spans"]
        ]
        doc.ents = [span for span in spans if span is not None]
        docs.append(doc)
    labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
    DocBin(docs=docs).to_disk(path / "pool.spacy")
    srsly.write_json(path / "meta.json", {"dataset": "gallery", "labels": labels})
    return folder
