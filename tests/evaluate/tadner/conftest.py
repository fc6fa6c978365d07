"""A data set whose parts have different types, and networks of toy size."""

from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from transformers import PreTrainedTokenizerBase

from spacy_nuner.evaluate.tadner.run import Request
from spacy_nuner.evaluate.tadner.settings import TadnerConfig, load_tadner_settings
from spacy_nuner.hf import load_tokenizer

CONFIG = Path(__file__).parents[3] / "configs" / "tiny" / "tadner.cfg"
PEOPLE = ["Anna Berg", "Tom", "Ida", "Eva Lund", "Jon"]
CITIES = ["Oslo", "Bergen", "Rome", "Paris", "Lyon"]
DISHES = ["pizza", "ramen", "green curry", "pho", "tacos"]
PLANTS = ["oak", "fern", "white pine", "moss", "ivy"]


def write_part(path: Path, first: tuple[str, list[str]], second: tuple[str, list[str]]):
    """Sentences with a mention of the first, the second, both, and none."""
    nlp = spacy.blank("en")
    docs = [nlp.make_doc("Nothing happened.")]
    for one, other in zip(first[1] * 2, second[1] * 2, strict=True):
        for text, marks in (
            (f"We saw {one} and {other} .", [(one, first[0]), (other, second[0])]),
            (f"{one} was there .", [(one, first[0])]),
            (f"They like {other}", [(other, second[0])]),
        ):
            doc = nlp.make_doc(text)
            ents = []
            for mention, label in marks:
                start = text.index(mention)
                ents.append(doc.char_span(start, start + len(mention), label=label))
            doc.set_ents(ents, default="outside")
            docs.append(doc)
    DocBin(docs=docs).to_disk(path)


@pytest.fixture(scope="session")
def episode_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PERSON and CITY to train on, DISH and PLANT to be tested on."""
    folder = tmp_path_factory.mktemp("episodes") / "toy"
    folder.mkdir()
    write_part(folder / "pool.spacy", ("PERSON", PEOPLE), ("CITY", CITIES))
    write_part(folder / "test.spacy", ("DISH", DISHES), ("PLANT", PLANTS))
    labels = ["PERSON", "CITY", "DISH", "PLANT"]
    srsly.write_json(folder / "meta.json", {"dataset": "toy", "labels": labels})
    names = {label: {"name": label.lower(), "definition": "x"} for label in labels}
    srsly.write_yaml(folder / "labels.yml", names)
    return folder


@pytest.fixture(scope="session")
def tokenizer(tiny_encoder: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(str(tiny_encoder))


@pytest.fixture
def settings() -> TadnerConfig:
    return load_tadner_settings(CONFIG, {"system.n_threads": 1})


@pytest.fixture
def make_request(
    tiny_encoder: Path, episode_data: Path, tmp_path: Path
) -> Callable[..., Request]:
    def make(config: TadnerConfig, **changes: object) -> Request:
        request = Request(
            system="tadner_tiny",
            encoder=tiny_encoder,
            data=episode_data,
            names=episode_data / "labels.yml",
            output=tmp_path / "metrics",
            training=tmp_path / "training",
            config=config,
            n_way=2,
            k=1,
            q=1,
            n_episodes=3,
        )
        return request._replace(**changes)

    return make
