"""A small converted data set, and a config for it."""

from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_nuner.pretrain.tagging.settings import load_tagging_settings

CONFIG = Path(__file__).parents[3] / "configs" / "tiny" / "pretrain_ner.cfg"
SENTENCES = [
    ("Anna Berg met Tom in Oslo.", [(0, 9, "PER"), (14, 17, "PER"), (21, 25, "LOC")]),
    ("Oslo and Bergen are far apart.", [(0, 4, "LOC"), (9, 15, "LOC")]),
    ("Tom left early.", [(0, 3, "PER")]),
    ("Nothing happened in the hall.", []),
] * 6


@pytest.fixture(scope="session")
def ner_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`corpus/ner/people`: 24 sentences in the pool."""
    folder = tmp_path_factory.mktemp("ner") / "people"
    folder.mkdir()
    nlp = spacy.blank("en")
    docs = []
    for text, spans in SENTENCES:
        doc = nlp.make_doc(text)
        ents = [doc.char_span(*span[:2], label=span[2]) for span in spans]
        doc.set_ents(ents, default="outside")
        docs.append(doc)
    DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=docs).to_disk(folder / "pool.spacy")
    srsly.write_json(folder / "meta.json", {"labels": ["PER", "LOC"]})
    return folder


@pytest.fixture
def overrides(tiny_encoder: Path, ner_folder: Path) -> dict[str, object]:
    return {
        "paths.encoder": str(tiny_encoder),
        "paths.corpus": str(ner_folder),
        "system.n_threads": 1,
    }


@pytest.fixture
def config(overrides: dict[str, object]) -> Config:
    return load_tagging_settings(CONFIG, overrides)
