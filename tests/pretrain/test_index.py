import logging
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import Config
from transformers import PreTrainedTokenizerBase

from spacy_nuner.pretrain import tokenise
from spacy_nuner.pretrain.batch import plan_epoch
from spacy_nuner.pretrain.corpora import read_corpora
from spacy_nuner.pretrain.index import (
    IndexingStopped,
    describe_tokenizer,
    load_index,
    make_key,
)
from spacy_nuner.pretrain.run import Outcome, pretrain
from spacy_nuner.pretrain.settings import load_settings
from spacy_nuner.pretrain.tokenise import Tokenisation
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

from .conftest import CONFIG
from .test_store import is_mapped

ROWS = ("ids", "valid", "positive_tokens", "positive_concepts", "concept_ids")


@pytest.fixture
def how(tokenizer: PreTrainedTokenizerBase) -> Tokenisation:
    return Tokenisation(tokenizer, tokenizer, 128, 32, "all")


def load(folder: Path, docs: Any, how: Tokenisation, **options: Any) -> SubtokenCorpus:
    options = {"fingerprint": "f", "source": "test", "should_stop": bool} | options
    return load_index(folder, docs, how, **options)


def never_read() -> Iterator[Doc]:
    raise RuntimeError("The documents were read, although there is an index")
    yield


def assert_same(left: SubtokenCorpus, right: SubtokenCorpus) -> None:
    for name in ROWS:
        ours, theirs = getattr(left, name), getattr(right, name)
        numpy.testing.assert_array_equal(ours.data, theirs.data)
        numpy.testing.assert_array_equal(ours.starts, theirs.starts)
        assert ours.data.dtype == theirs.data.dtype
    for name in ("concepts", "n_mentions", "losses", "pad_id", "concept_pad_id"):
        assert getattr(left, name) == getattr(right, name)
    assert left.digest() == right.digest()


@pytest.mark.parametrize("docs_per_call", [7, 1000])
def test_index_is_the_corpus(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    concept_docs: list[Doc],
    how: Tokenisation,
    subtokens: SubtokenCorpus,
    docs_per_call: int,
) -> None:
    monkeypatch.setattr(tokenise, "DOCS_PER_CALL", docs_per_call)
    made = load(tmp_path / "index", concept_docs, how)
    opened = load(tmp_path / "index", never_read(), how)
    for corpus in (made, opened):
        assert_same(corpus, subtokens)
        assert all(is_mapped(getattr(corpus, name).data) for name in ROWS)


def test_digest_is_not_worked_out_again(
    tmp_path: Path, concept_docs: list[Doc], how: Tokenisation
) -> None:
    corpus = load(tmp_path / "index", concept_docs, how)
    assert corpus.sha256 == corpus.digest() != ""


def test_documents_are_read_chunk_by_chunk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    concept_docs: list[Doc],
    how: Tokenisation,
) -> None:
    monkeypatch.setattr(tokenise, "DOCS_PER_CALL", 10)
    n_read, seen = 0, []

    def read() -> Iterator[Doc]:
        nonlocal n_read
        for doc in concept_docs:
            n_read += 1
            yield doc

    def look() -> bool:
        seen.append(n_read)
        return False

    load(tmp_path / "index", read(), how, should_stop=look)
    assert seen == list(range(20, len(concept_docs) + 1, 10))


def test_stopped_indexing_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    concept_docs: list[Doc],
    how: Tokenisation,
    subtokens: SubtokenCorpus,
) -> None:
    monkeypatch.setattr(tokenise, "DOCS_PER_CALL", 10)
    with pytest.raises(IndexingStopped):
        load(tmp_path / "index", concept_docs, how, should_stop=lambda: True)
    assert not list(tmp_path.iterdir())
    assert_same(load(tmp_path / "index", concept_docs, how), subtokens)


def test_stopped_run_is_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Config
) -> None:
    monkeypatch.setattr(tokenise, "DOCS_PER_CALL", 10)
    stopped = pretrain(config, tmp_path / "run", should_stop=lambda: True)
    assert stopped == Outcome("stopped", 0, 0)
    assert not list((tmp_path / "run").rglob("*.npy"))


def test_changed_byte_is_not_trained_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, config: Config
) -> None:
    first, _ = read_corpora(config, tmp_path / "index")
    expected = first.ids.data.tolist()
    path = tmp_path / "index" / "train" / "ids.npy"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        again, _ = read_corpora(config, tmp_path / "index")
    assert "W340" in caplog.text and "ids.npy: CRC-32" in caplog.text
    assert again.ids.data.tolist() == expected


def test_losses_are_told_each_time(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    concept_docs: list[Doc],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    how = Tokenisation(tokenizer, tokenizer, 20, 4, "all")
    messages = []
    for docs in (concept_docs, never_read()):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            load(tmp_path / "index", docs, how)
        messages.append([record.getMessage() for record in caplog.records])
    assert messages[0] == messages[1]
    assert any("W301" in message for message in messages[0])


def test_documents_of_unknown_origin_are_read_each_time(
    tmp_path: Path, concept_docs: list[Doc], how: Tokenisation
) -> None:
    first = load(tmp_path / "index", concept_docs, how, fingerprint=None)
    second = load(tmp_path / "index", concept_docs[:9], how, fingerprint=None)
    assert (len(first), len(second)) == (len(concept_docs), 9)


def test_without_mentions(tmp_path: Path, how: Tokenisation) -> None:
    docs = [spacy.blank("en")("Nothing")]
    with pytest.raises(ValueError, match=r"N306.*test"):
        load(tmp_path / "index", docs, how)
    assert not list(tmp_path.iterdir())


def test_key_follows_what_decides(
    tokenizer: PreTrainedTokenizerBase, how: Tokenisation
) -> None:
    key = make_key("f", how)
    # What a call sets is no part of a tokenizer
    tokenizer("a text", truncation=True, max_length=5, padding="max_length")
    assert make_key("f", how) == key
    others = [
        make_key("g", how),
        make_key("f", Tokenisation(tokenizer, tokenizer, 64, 32, "all")),
        make_key("f", Tokenisation(tokenizer, tokenizer, 128, 16, "all")),
        make_key("f", Tokenisation(tokenizer, tokenizer, 128, 32, "first")),
    ]
    assert len({key, *others}) == 5


def test_key_follows_the_tokenizer(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    tokenizer.save_pretrained(tmp_path)
    other = type(tokenizer).from_pretrained(tmp_path)
    assert describe_tokenizer(other) == describe_tokenizer(tokenizer)
    other.add_tokens(["Santorini"])
    assert describe_tokenizer(other) != describe_tokenizer(tokenizer)


@pytest.fixture
def parts(tmp_path: Path, concept_docs: list[Doc]) -> Callable[..., Config]:
    """Write a corpus of some documents, and make a config for it."""

    def make(encoder: Path, train: list[Doc], name: str = "corpus") -> Config:
        for part, docs in (("train", train), ("dev", concept_docs[:2])):
            path = tmp_path / name / part
            path.mkdir(parents=True, exist_ok=True)
            DocBin(docs=docs, store_user_data=True).to_disk(path / "00000.spacy")
        paths = {f"paths.{p}": str(tmp_path / name / p) for p in ("train", "dev")}
        return load_settings(CONFIG, {"paths.encoder": str(encoder), **paths})

    return make


def test_index_follows_the_files(
    tmp_path: Path,
    tiny_encoder: Path,
    concept_docs: list[Doc],
    parts: Callable[..., Config],
) -> None:
    index = tmp_path / "index"
    header = index / "train" / "header.json"
    first, _ = read_corpora(parts(tiny_encoder, concept_docs[:9]), index)
    made = header.stat().st_mtime_ns
    # The same content elsewhere
    config = parts(tiny_encoder, concept_docs[:9], "moved")
    same, _ = read_corpora(config, index)
    assert header.stat().st_mtime_ns == made
    assert_same(same, first)
    # Other content in the same place
    other, _ = read_corpora(parts(tiny_encoder, concept_docs[1:10], "moved"), index)
    assert other.digest() != first.digest()
    in_memory, _ = read_corpora(parts(tiny_encoder, concept_docs[1:10], "moved"))
    assert_same(in_memory, other)


def test_reader_of_the_users_own(
    tmp_path: Path,
    tiny_encoder: Path,
    concept_docs: list[Doc],
    parts: Callable[..., Config],
) -> None:
    n_calls = 0

    def make_reader(path: str) -> Callable[[spacy.Language], Iterator[Example]]:
        def read(nlp: spacy.Language) -> Iterator[Example]:
            nonlocal n_calls
            n_calls += 1
            for doc in concept_docs[:5]:
                yield Example(Doc(nlp.vocab, words=[t.text for t in doc]), doc)

        return read

    spacy.registry.readers("test.ConceptDocs.v1", func=make_reader)
    config = parts(tiny_encoder, concept_docs[:9])
    config["corpus"]["train"]["@readers"] = "test.ConceptDocs.v1"
    for n in (1, 2):
        train, dev = read_corpora(config, tmp_path / "index")
        assert (len(train), len(dev), n_calls) == (5, 2, n)


def test_plan_of_a_million_sentences_is_small() -> None:
    lengths = numpy.random.default_rng(0).integers(4, 128, 10**6, dtype="int32")
    tracemalloc.start()
    plan = plan_epoch(lengths, batch_size=48, seed=0, epoch=0, bucket=16)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(batch) for batch in plan) == 10**6
    assert peak < 32 * 2**20
