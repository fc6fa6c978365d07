"""A small pipeline with hand-made examples; a concept encoder beside the tiny one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Adam, Optimizer

from ..conftest import export_tiny

TEXTS: list[tuple[str, list[tuple[int, int, str]]]] = [
    ("Maria met Bob in Paris .", [(0, 5, "PER"), (10, 13, "PER"), (17, 22, "CITY")]),
    ("Rome is far from Oslo .", [(0, 4, "CITY"), (17, 21, "CITY")]),
    ("Ada lives in Rome .", [(0, 3, "PER"), (13, 17, "CITY")]),
    ("Nothing happened there .", []),
]
NAMES = {"CITY": "city", "PER": "person"}


@pytest.fixture(scope="session")
def encoder_folder(
    tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An encoder folder as `spacy-nuner export` writes it."""
    return export_tiny(tiny_encoder, tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="session")
def concept_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of concepts: the examples, often enough for a calibration."""
    nlp = spacy.blank("en")
    path = tmp_path_factory.mktemp("concepts")
    for part in ("train", "dev"):
        (path / part).mkdir()
        docs = []
        for text, ents in 5 * TEXTS:
            doc = nlp.make_doc(text)
            doc.spans["concepts"] = [
                doc.char_span(start, end, label=NAMES[label])
                for start, end, label in ents
            ]
            docs.append(doc)
        DocBin(docs=[*docs, nlp.make_doc("")]).to_disk(path / part / "00000.spacy")
    return path


@pytest.fixture(scope="session")
def calibrated_folder(
    encoder_folder: Path,
    concept_corpus: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An encoder folder with its calibration, for the joined layers 1 and 2."""
    from spacy_nuner.component.calibrate import calibrate

    path = tmp_path_factory.mktemp("calibrated") / "tiny"
    shutil.copytree(encoder_folder, path)
    record = json.loads((path / "nuner.json").read_text()) | {"n_frozen_layers": 1}
    (path / "nuner.json").write_text(json.dumps(record))
    calibrate(path, concept_corpus)
    return path


@pytest.fixture
def make_nlp(tiny_encoder: Path) -> Callable[..., Language]:
    def make(*, trf: dict[str, Any] | None = None, **settings: Any) -> Language:
        nlp = spacy.blank("en")
        model = {
            "@architectures": "spacy-nuner.TransformerModel.v1",
            "name": str(tiny_encoder),
            "window": 32,
            "stride": 24,
            **(trf or {}),
        }
        nlp.add_pipe("transformer", config={"model": model})
        nlp.add_pipe("nuner", config=settings)
        return nlp

    return make


def make_examples(nlp: Language) -> list[Example]:
    return [
        Example.from_dict(nlp.make_doc(text), {"entities": ents})
        for text, ents in TEXTS
    ]


def make_sgd(learn_rate: float = 0.05) -> Optimizer:
    return Adam(learn_rate, L2=0.0, grad_clip=0.0, use_averages=False)


def train(nlp: Language, n_steps: int = 60, *, frozen: bool = True) -> dict[str, float]:
    """Train on the examples in one batch; RETURNS the losses of the last step."""
    sgd = make_sgd() if frozen else make_sgd(0.002)
    names = ["transformer"] if frozen else []
    losses: dict[str, float] = {}
    for _ in range(n_steps):
        losses = {}
        nlp.update(
            make_examples(nlp), sgd=sgd, losses=losses, exclude=names, annotates=names
        )
    return losses


@pytest.fixture
def nlp(make_nlp: Callable[..., Language]) -> Language:
    nlp = make_nlp(pull=0.0)
    nlp.initialize(lambda: make_examples(nlp))
    return nlp


@pytest.fixture
def trained(nlp: Language) -> Language:
    assert train(nlp)["nuner"] < 0.2
    return nlp


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The examples as a file for `spacy train`."""
    nlp = spacy.blank("en")
    path = tmp_path / "train.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(path)
    return path


def read_ents(doc: Any) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]
