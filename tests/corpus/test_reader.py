import os
import shutil
from pathlib import Path

import pytest
import spacy
from srsly.msgpack import msgpack_decoders

from spacy_nuner.corpus import reader
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


def test_fingerprint_follows_the_content(folder: Path, tmp_path: Path) -> None:
    made = create_concept_reader(folder).fingerprint()
    assert create_concept_reader(str(folder)).fingerprint() == made
    assert create_concept_reader(folder, 3).fingerprint() != made
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert create_concept_reader(moved).fingerprint() == made
    shard = moved / "00001.spacy"
    content, stat = shard.read_bytes(), shard.stat()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # Same size, same time
    os.utime(shard, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert create_concept_reader(moved).fingerprint() != made
    shard.unlink()
    assert create_concept_reader(moved).fingerprint() != made


def test_a_shard_is_read_in_pieces(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "DOCS_AT_ONCE", 2)
    vocab = spacy.blank("en").vocab
    docs = read_docs(folder, vocab)
    ids = [next(docs).user_data["id"] for _ in range(4)]
    # Between two documents, everybody may register decoders
    assert "get_all" not in msgpack_decoders.__dict__
    assert [*ids, *(doc.user_data["id"] for doc in docs)] == list("0123456")


def test_documents_alone(folder: Path) -> None:
    docs = list(create_concept_reader(folder, 5).read_docs())
    expected = list(read_docs(folder, spacy.blank("en").vocab, limit=5))
    for ours, theirs in zip(docs, expected, strict=True):
        assert ours.text == theirs.text
        assert ours.user_data == theirs.user_data
        spans = [
            [(s.start, s.end, s.label_) for s in d.spans["concepts"]]
            for d in (ours, theirs)
        ]
        assert spans[0] == spans[1] != []
    assert docs[0].vocab is docs[2].vocab is not docs[3].vocab
