import numpy
import pytest
from spacy import blank
from spacy.tokens import Doc, Span
from transformers import PreTrainedTokenizerBase

from spacy_nuner.pretrain.unmarked import find_unmarked, hash_windows
from spacy_nuner.pretrain.wordpieces import make_corpus

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
