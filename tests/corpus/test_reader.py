from pathlib import Path

import pytest
import spacy

from spacy_nuner.corpus.build import write_corpus
from spacy_nuner.corpus.reader import create_concept_reader, find_shards, read_docs


@pytest.fixture
def folder(tmp_path: Path, make_reply) -> Path:
    replies = [
        make_reply(str(i), f"Ada met  person {i} here.", ("Ada", "scientist"))
        for i in range(7)
    ]
    write_corpus(replies, tmp_path / "concepts", dev_share=0, shard_size=3)
    return tmp_path / "concepts" / "train"


def test_reads_shards_in_order(folder: Path) -> None:
    assert len(find_shards(folder)) == 3
    nlp = spacy.blank("en")
    examples = list(create_concept_reader(folder)(nlp))
    assert [e.reference.user_data["id"] for e in examples] == list("0123456")
    for example in examples:
        doc = example.reference
        assert [(s.text, s.label_) for s in doc.spans["concepts"]] == [
            ("Ada", "scientist")
        ]
        assert doc.user_data["descriptions"] == ["about scientist"]
        assert example.predicted.text == doc.text
        assert [t.text for t in example.predicted] == [t.text for t in doc]
        assert not example.predicted.spans
        assert doc.vocab is nlp.vocab


@pytest.mark.parametrize(("limit", "n"), [(0, 7), (1, 1), (4, 4), (99, 7)])
def test_limit(folder: Path, limit: int, n: int) -> None:
    assert len(list(create_concept_reader(folder, limit)(spacy.blank("en")))) == n


def test_single_file(folder: Path) -> None:
    docs = list(read_docs(folder / "00001.spacy", spacy.blank("en").vocab))
    assert [doc.user_data["id"] for doc in docs] == ["3", "4", "5"]


def test_registered() -> None:
    make = spacy.registry.readers.get("spacy-nuner.ConceptCorpus.v1")
    assert make is create_concept_reader


def test_missing(folder: Path) -> None:
    nlp = spacy.blank("en")
    with pytest.raises(FileNotFoundError, match="N001"):
        list(create_concept_reader(folder / "none")(nlp))
    with pytest.raises(FileNotFoundError, match="N201"):
        list(create_concept_reader(folder.parent)(nlp))
