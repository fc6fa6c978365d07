"""A small data set of the sample as the converter writes it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from spacy_nuner.component.calibration import Calibration, save_calibration

from ..conftest import export_tiny

SAMPLE = Path(__file__).parents[2] / "assets" / "sample"


def read_docs(path: Path, n: int | None = None) -> list[Doc]:
    """Documents of a file of the sample's downstream sets."""
    nlp = spacy.blank("en")
    docs = []
    with path.open(encoding="utf8") as file:
        for line in list(file)[:n]:
            record = json.loads(line)
            doc = nlp.make_doc(record["text"])
            spans = (
                doc.char_span(s["start"], s["end"], s["label"]) for s in record["spans"]
            )
            doc.ents = [span for span in spans if span is not None]
            docs.append(doc)
    return docs


def _write_dataset(folder: Path, name: str, *, n: int | None = None) -> Path:
    """Write `corpus/ner/<name>` from the sample."""
    path = folder / name
    path.mkdir(parents=True)
    labels: set[str] = set()
    for part in ("pool", "test"):
        docs = read_docs(SAMPLE / "downstream" / f"{name}.{part}.jsonl", n)
        labels |= {ent.label_ for doc in docs for ent in doc.ents}
        DocBin(docs=docs).to_disk(path / f"{part}.spacy")
    srsly.write_json(path / "meta.json", {"dataset": name, "labels": sorted(labels)})
    return path


@pytest.fixture(scope="session")
def datasets_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`corpus/ner` with gallery: 80 sentences in the pool, 80 in the test set."""
    folder = tmp_path_factory.mktemp("ner")
    _write_dataset(folder, "gallery", n=80)
    return folder


@pytest.fixture(scope="session")
def encoder_folder(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path
) -> Path:
    """The tiny encoder as `export` and `calibrate` leave it."""
    path = tmp_path_factory.mktemp("exported") / "tiny"
    export_tiny(tiny_encoder, path, base=str(tiny_encoder), n_frozen_layers=1)
    save_calibration(make_calibration(), path)
    return path


def make_calibration() -> Calibration:
    """Some calibration of an encoder of width 16 whose two layers are joined."""
    rng = np.random.default_rng(0)
    M = np.eye(32) + 0.1 * rng.normal(size=(32, 32))
    return Calibration(
        whitening=((M + M.T) / 2).astype("float32"),
        centre=np.zeros(16, dtype="float32"),
        vectors=rng.normal(size=(3, 16)).astype("float32"),
        thresholds=np.array([0.1, 0.2, 0.3], dtype="float32"),
        counts=np.array([10, 20, 30], dtype="float32"),
        transitions=np.full((3, 3), 1 / 9, dtype="float32"),
        names=["city", "person", "painting"],
        threshold=0.2,
        scale=2.0,
        layers=[1, 2],
        reliability=[],
    )


def write_asked(docs: list[Doc], path: Path) -> None:
    """Write `<dataset>.gold.jsonl`: the test sentences that an LLM was asked about."""
    records = [
        {
            "text": doc.text,
            "spans": [
                {"start": e.start_char, "end": e.end_char, "label": e.label_}
                for e in doc.ents
            ],
        }
        for doc in docs
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_jsonl(path, records)


@pytest.fixture(scope="session")
def write_dataset() -> Callable[..., Path]:
    """A function that writes `corpus/ner/<name>` from the sample."""
    return _write_dataset
