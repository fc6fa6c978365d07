"""A small concept corpus from the sample's records, and a config for it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from thinc.api import Config
from transformers import PreTrainedTokenizerBase

from spacy_nuner.hf import load_tokenizer
from spacy_nuner.pretrain.run import Outcome, pretrain
from spacy_nuner.pretrain.settings import load_settings
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus, make_corpus

from .families import build_family
from .runs import TOTAL

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "pretrain.cfg"


def place(nlp: spacy.Language, record: dict[str, str]) -> Doc:
    """Every whole-word occurrence of an entity; enough for these tests."""
    doc = nlp.make_doc(record["text"])
    spans = []
    for row in record["response"].split("\n"):
        entity, concept, _ = (part.strip() for part in row.split("<>"))
        for match in re.finditer(rf"(?<!\w){re.escape(entity)}(?!\w)", doc.text):
            span = doc.char_span(
                *match.span(), label=concept.lower(), alignment_mode="expand"
            )
            spans.append(span)
    doc.spans["concepts"] = spans
    return doc


@pytest.fixture(scope="session")
def concept_docs(sample_records: list[dict[str, str]]) -> list[Doc]:
    nlp = spacy.blank("en")
    return [place(nlp, record) for record in sample_records]


@pytest.fixture(scope="session")
def corpus_folder(
    tmp_path_factory: pytest.TempPathFactory, concept_docs: list[Doc]
) -> Path:
    folder = tmp_path_factory.mktemp("concepts")
    for name, docs in (("train", concept_docs[:20]), ("dev", concept_docs[20:28])):
        (folder / name).mkdir()
        DocBin(docs=docs, store_user_data=True).to_disk(folder / name / "00000.spacy")
    return folder


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(str(tiny_encoder))


@pytest.fixture(scope="session")
def subtokens(
    concept_docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> SubtokenCorpus:
    return make_corpus(
        concept_docs,
        tokenizer,
        max_length=128,
        max_concept_length=32,
        source="test",
    )


@pytest.fixture
def overrides(tiny_encoder: Path, corpus_folder: Path) -> dict[str, object]:
    return {
        "paths.encoder": str(tiny_encoder),
        "paths.train": str(corpus_folder / "train"),
        "paths.dev": str(corpus_folder / "dev"),
        "pretrain.max_epochs": 3,
        "system.n_threads": 1,
    }


@pytest.fixture
def config(overrides: dict[str, object]) -> Config:
    return load_settings(CONFIG, overrides)


@pytest.fixture(scope="session")
def straight(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, corpus_folder: Path
) -> Path:
    """A run without a stop. Dropout is on, as the tiny encoder has it."""
    output = tmp_path_factory.mktemp("straight")
    config = load_settings(
        CONFIG,
        {
            "paths.encoder": str(tiny_encoder),
            "paths.train": str(corpus_folder / "train"),
            "paths.dev": str(corpus_folder / "dev"),
            "pretrain.max_epochs": 3,
            "system.n_threads": 1,
        },
    )
    assert pretrain(config, output) == Outcome("finished", TOTAL, TOTAL)
    return output


@pytest.fixture(scope="session")
def family_encoder(
    tmp_path_factory: pytest.TempPathFactory, sample_records: list[dict[str, str]]
) -> Callable[..., Path]:
    """Makes a tiny random encoder of a family, once. Do not write to it."""
    texts = [record["text"] for record in sample_records]
    folder = tmp_path_factory.mktemp("families")

    def get(name: str, *, width: int = 16) -> Path:
        path = folder / f"{name}-{width}"
        return path if path.exists() else build_family(name, path, texts, width=width)

    return get
