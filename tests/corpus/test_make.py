"""Documents are made without spaCy's objects; the files are spaCy's all the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.corpus import make
from spacy_nuner.corpus.build import place_as_it_is
from spacy_nuner.corpus.make import COLUMNS, make_chunk, make_tokenizer
from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.corpus.shards import SPANS_KEY, write_shard
from spacy_nuner.corpus.stats import PlacedReply
from spacy_nuner.types import Mention

ODD_TEXTS = (
    "New York Times of New York",
    "It's don't, cannot; U.S. and 3.5kg (see https://a.b/c?d=e)… :-)",
    "  two  spaces\n\nand\tlines ",
    "Ｆｕｌｌ width, 東京, naïve, e\u0301, 👩‍👩‍👧 ok",
    "ROOT ORTH person nsubj",  # names that spaCy has numbers for
)


@pytest.fixture(scope="module")
def nlp() -> Language:
    return spacy.blank("en")


@pytest.fixture
def replies(sample_records: list[dict[str, str]]) -> list[PlacedReply]:
    placed = []
    for record in sample_records:
        mentions, drops = place_reply(record["text"], record["response"])
        n_lines = record["response"].count("\n") + 1
        placed.append(
            PlacedReply(record["id"], record["text"], mentions, drops, n_lines)
        )
    for i, text in enumerate(ODD_TEXTS):
        word = text.split()[0]
        start = text.index(word)
        mention = Mention(start, start + len(word), "ORTH", "", "exact", 0)
        placed.append(PlacedReply(f"odd-{i}", text, [mention], [], 1))
    return placed


def make_with_spacy(nlp: Language, reply: PlacedReply) -> Doc:
    doc = nlp.make_doc(reply.text)
    spans = [doc.char_span(m.start, m.end, label=m.concept) for m in reply.mentions]
    kept = [(s, m) for s, m in zip(spans, reply.mentions, strict=True) if s is not None]
    kept.sort(key=lambda pair: (pair[0].start, pair[0].end))
    doc.spans[SPANS_KEY] = [span for span, _ in kept]
    doc.user_data["id"] = reply.id
    doc.user_data["descriptions"] = [mention.description for _, mention in kept]
    return doc


def test_shard_is_the_docbin_that_spacy_writes(
    nlp: Language, replies: list[PlacedReply], tmp_path: Path
) -> None:
    made, strings = make_chunk(place_as_it_is, replies, sentences=False)
    docs = [reply.doc for reply in made if reply.doc is not None]
    assert len(docs) == len(replies)
    write_shard(tmp_path / "ours.spacy", docs, [strings])
    theirs = [make_with_spacy(nlp, reply) for reply in replies]
    shard = DocBin(attrs=["ORTH"], docs=theirs, store_user_data=True)
    assert (tmp_path / "ours.spacy").read_bytes() == shard.to_bytes()


def test_a_shard_holds_no_strings_of_other_documents(tmp_path: Path) -> None:
    replies = [
        PlacedReply("a", "Ada left.", [Mention(0, 3, "x", "", "exact", 0)], [], 1),
        PlacedReply("b", "Bob slept.", [Mention(0, 3, "y", "", "exact", 0)], [], 1),
    ]
    made, strings = make_chunk(place_as_it_is, replies, sentences=False)
    assert made[1].doc is not None
    write_shard(tmp_path / "b.spacy", [made[1].doc], [strings, {}])
    shard = DocBin().from_disk(tmp_path / "b.spacy")
    assert shard.strings == {"", ".", "Bob", "bob", "slept", "y"}
    (doc,) = read_docs(tmp_path / "b.spacy", None)
    assert [(span.text, span.label_) for span in doc.spans[SPANS_KEY]] == [("Bob", "y")]


def test_tokenizer_is_that_of_a_blank_pipeline(
    nlp: Language, sample_records: list[dict[str, str]]
) -> None:
    tokenizer = make_tokenizer()
    for text in [*ODD_TEXTS, *(record["text"] for record in sample_records)] * 2:
        expected = nlp.make_doc(text).to_array(COLUMNS)
        assert np.array_equal(tokenizer(text).to_array(COLUMNS), expected), text


def test_no_factory_is_imported() -> None:
    """It would take seconds in each worker, and memory."""
    code = (
        "import sys, spacy_nuner.corpus.build as build\n"
        "print('spacy' in sys.modules)\n"
        "from spacy_nuner.corpus.make import make_chunk\n"
        "make_chunk(build.place_as_it_is, [], sentences=False)\n"
        "print('transformers' in sys.modules)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]


def test_spans_of_a_document(tmp_path: Path) -> None:
    mentions = [
        Mention(18, 26, "city", "second", "exact", 0),
        Mention(0, 14, "newspaper", "paper", "exact", 1),
        Mention(0, 8, "city", "first", "exact", 0),
        Mention(0, 8, "place", "", "folded", 2),
        Mention(0, 8, "city", "again", "exact", 3),
        Mention(0, 7, "half", "", "exact", 4),
    ]
    reply = PlacedReply("x", ODD_TEXTS[0], mentions, [], 5)
    (made,), strings = make_chunk(place_as_it_is, [reply], sentences=False)
    assert made.doc is not None
    assert made.doc.concepts == ["city", "place", "newspaper", "city"]
    assert (made.n_repeated, made.n_off_edges, made.n_folded) == (1, 1, 1)
    assert made.n_placed_lines == 4
    assert [(d.line, d.content) for d in made.drops] == [(4, "New Yor <> half <> ")]
    write_shard(tmp_path / "x.spacy", [made.doc], [strings])
    (doc,) = read_docs(tmp_path / "x.spacy", None)
    assert [(s.text, s.label_) for s in doc.spans[SPANS_KEY]] == [
        ("New York", "city"),
        ("New York", "place"),
        ("New York Times", "newspaper"),
        ("New York", "city"),
    ]
    assert list(doc.user_data["descriptions"]) == ["first", "", "paper", "second"]


def test_vocabulary_is_renewed(
    replies: list[PlacedReply], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_chunk(place_as_it_is, replies, sentences=False)
    before = make._get_tools()
    monkeypatch.setattr(make, "MAX_WORDS", 10)
    assert make_chunk(place_as_it_is, replies, sentences=False) == first
    assert make._get_tools() is not before
    assert make_chunk(place_as_it_is, replies, sentences=False) == first
