from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
from spacy import blank
from spacy.tokens import Doc, Span
from transformers import PreTrainedTokenizerBase

from spacy_nuner.pretrain import tally, unmarked
from spacy_nuner.pretrain.index import load_index
from spacy_nuner.pretrain.tally import Tally, hash_windows
from spacy_nuner.pretrain.tokenise import Tokenisation
from spacy_nuner.pretrain.unmarked import find_unmarked
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus, make_corpus

NLP = blank("en")


def make_doc(text: str, **concepts: str) -> Doc:
    """Mark words, named with the concepts that they have."""
    doc = NLP.make_doc(text)
    doc.spans["concepts"] = [
        Span(doc, i, i + 1, label=concepts[token.text])
        for i, token in enumerate(doc)
        if token.text in concepts
    ]
    return doc


def find(docs: list[Doc], tokenizer: PreTrainedTokenizerBase) -> set:
    """Unmarked mentions as (sentence, text, concept)."""
    corpus = make_corpus(
        docs, tokenizer, max_length=64, max_concept_length=16, source="test"
    )
    tokens, concepts = find_unmarked(corpus)
    found = set()
    for i, doc in enumerate(docs):
        ids = corpus.ids[i][corpus.valid[i]]
        for concept in set(concepts[i].tolist()):
            cells = tokens[i][concepts[i] == concept]
            assert list(tokens[i]) == sorted(tokens[i])
            text = tokenizer.decode(ids[cells]).strip()
            found.add((doc.text, text, corpus.concepts[concept]))
    return found


@pytest.fixture
def docs() -> list[Doc]:
    return [
        make_doc("Acme grew in Ulm", Acme="company", Ulm="city"),
        make_doc("Acme fell in May", Acme="company"),
        make_doc("Ulm heard of Acme", Ulm="city"),
        make_doc("May is near Ulm", Ulm="city"),
    ]


def test_finds_what_others_marked(
    docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    # May was never marked, Ulm wherever it stands, Acme twice of three times
    assert find(docs, tokenizer) == {("Ulm heard of Acme", "Acme", "company")}


def test_what_was_marked_once_is_not_enough(
    docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    assert find([docs[0], *docs[2:]], tokenizer) == set()


def test_what_is_mostly_unmarked_is_no_mention(
    docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    unmarked = [make_doc(f"Acme {i} in Ulm", Ulm="city") for i in range(5)]
    assert find([*docs, *unmarked], tokenizer) == set()


def test_part_of_a_mention_is_not_taken_from_it(
    docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    other = make_doc("Acme again in Ulm", Acme="brand", Ulm="city")
    found = find([*docs, other], tokenizer)
    assert not any(text == other.text for text, _, _ in found)


def test_hashes_are_equal_where_the_ids_are() -> None:
    ids = numpy.asarray([3, 0, 5, 3, 0, 5, 0, 3])
    hashes = hash_windows(ids, 3)
    assert hashes[0] == hashes[3] and len(set(hashes[:6].tolist())) == 5
    assert hash_windows(ids, 1)[1] != 0
    assert (hash_windows(ids[:2], 3) == 0).all()


def test_few_tokens_have_no_long_rows() -> None:
    assert hash_windows(numpy.asarray([1, 2, 3]), 8).tolist() == [0, 0, 0]


@pytest.fixture
def random_corpus(tokenizer: PreTrainedTokenizerBase) -> SubtokenCorpus:
    """Few words, marked now and then: many are left unmarked."""
    rng = numpy.random.default_rng(0)
    words = ["Acme", "Ulm", "May", "blue", "in", "near", "Tolkien"]
    docs = []
    for _ in range(40):
        doc = NLP.make_doc(" ".join(rng.choice(words, rng.integers(1, 9))))
        spans = []
        for i in rng.permutation(len(doc))[: 1 + len(doc) // 3]:
            end = min(i + rng.integers(1, 3), len(doc))
            spans.append(Span(doc, int(i), int(end), label=rng.choice(["a", "b", "c"])))
        doc.spans["concepts"] = spans
        docs.append(doc)
    return make_corpus(
        docs, tokenizer, max_length=64, max_concept_length=16, source="test"
    )


def find_slowly(corpus: SubtokenCorpus) -> list[set[tuple[int, int]]]:
    """The same by tuples of ids, sentence by sentence."""
    sentences = [corpus.ids[i][corpus.valid[i]].tolist() for i in range(len(corpus))]
    pairs = [
        set(
            zip(
                corpus.positive_tokens[i].tolist(),
                corpus.positive_concepts[i].tolist(),
                strict=True,
            )
        )
        for i in range(len(corpus))
    ]
    marked: Counter[tuple[int, ...]] = Counter()
    concepts: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for ids, cells in zip(sentences, pairs, strict=True):
        for first, concept in cells:
            if (first - 1, concept) in cells:
                continue
            end = first + 1
            while (end, concept) in cells:
                end += 1
            if end - first <= unmarked.MAX_LENGTH:
                marked[tuple(ids[first:end])] += 1
                concepts[tuple(ids[first:end])].add(concept)
    occurs = Counter(
        tuple(ids[start:end])
        for ids in sentences
        for start in range(len(ids))
        for end in range(start + 1, min(start + unmarked.MAX_LENGTH, len(ids)) + 1)
        if tuple(ids[start:end]) in marked
    )
    often = {row for row, n in marked.items() if n >= max(2, 0.3 * occurs[row])}
    found = []
    for ids, cells in zip(sentences, pairs, strict=True):
        touched = {token for token, _ in cells}
        found.append(
            {
                (token, concept)
                for start in range(len(ids))
                for end in range(start + 1, len(ids) + 1)
                if tuple(ids[start:end]) in often
                and not touched & set(range(start, end))
                for token in range(start, end)
                for concept in concepts[tuple(ids[start:end])]
            }
        )
    return found


@pytest.mark.parametrize("at_once", [1, 7, 20_000])
def test_is_what_a_slow_search_finds(
    monkeypatch: pytest.MonkeyPatch, random_corpus: SubtokenCorpus, at_once: int
) -> None:
    monkeypatch.setattr(unmarked, "SENTENCES_AT_ONCE", at_once)
    monkeypatch.setattr(tally, "AT_ONCE", at_once)
    tokens, concepts = find_unmarked(random_corpus)
    found = [
        set(zip(tokens[i].tolist(), concepts[i].tolist(), strict=True))
        for i in range(len(random_corpus))
    ]
    expected = find_slowly(random_corpus)
    assert found == expected and any(expected)
    assert sum(len(cells) for cells in expected) == len(tokens.data) > 50


def test_is_kept_beside_the_index(
    tmp_path: Path, concept_docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    how = Tokenisation(tokenizer, tokenizer, 128, 32, "all")
    corpus = load_index(
        tmp_path / "index",
        concept_docs,
        how,
        fingerprint="f",
        source="test",
        should_stop=bool,
    )
    first = find_unmarked(corpus)
    header = tmp_path / "index" / unmarked.FOLDER / "header.json"
    made = header.stat().st_mtime_ns
    second = find_unmarked(corpus)
    in_memory = find_unmarked(replace(corpus, folder=None))
    assert header.stat().st_mtime_ns == made
    for kept in (first, second):
        for ours, theirs in zip(kept, in_memory, strict=True):
            numpy.testing.assert_array_equal(ours.data, theirs.data)
            numpy.testing.assert_array_equal(ours.starts, theirs.starts)


def test_empty_tally() -> None:
    marked = Tally().settle(min_marked=1)
    hashes = numpy.arange(3, dtype="uint64")
    starts, rows = marked.find(hashes, numpy.ones(3, dtype=bool))
    assert len(marked.keys) == len(starts) == len(rows) == 0
