"""Text-level set F1 against the published rule on lists of strings."""

import numpy as np
import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import make_gold
from spacy_nuner.evaluate.texts import Texts, count_texts, normalize_answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Beatles", "beatles"),
        ("a.m.", "am"),
        ("A+", ""),
        ("O'Neill, the", "oneill"),
        ("theatre", "theatre"),
        ("O’Neill", "o’neill"),  # only ASCII punctuation, as published
        ("The", ""),
    ],
)
def test_normalize_answer(text, expected):
    assert normalize_answer(text) == expected


def make(*sentences):
    """Sentences as (words, entities); labels A and B."""
    docs = []
    for words, ents in sentences:
        doc = Doc(Vocab(), words=words.split())
        doc.ents = [Span(doc, *ent) for ent in ents]
        docs.append(doc)
    return make_gold(docs, ["A", "B"], source="here")


def counts(gold, predicted):
    found = count_texts(Texts(gold), gold.spans, np.array(predicted), 2)
    return [part.tolist() for part in found]


def test_a_string_counts_once_in_a_sentence_wherever_it_stands():
    gold = make(("Paris is Paris .", [(0, 1, "A"), (2, 3, "A")]))
    assert counts(gold, [(2, 3, 1)]) == [[1, 0], [1, 0], [1, 0]]
    # "paris" at a place that is no entity is right, too: the metric is blind to it
    gold = make(("Paris met paris .", [(0, 1, "A")]))
    assert counts(gold, [(2, 3, 1)]) == [[1, 0], [1, 0], [1, 0]]


def test_sentences_and_types_are_kept_apart():
    gold = make(("Paris", [(0, 1, "A")]), ("Paris", [(0, 1, "B")]))
    assert counts(gold, [(0, 1, 2), (1, 2, 2)]) == [[0, 1], [0, 2], [1, 1]]


def test_articles_and_punctuation_are_no_difference():
    gold = make(("the Beatles !", [(0, 3, "A")]))
    assert counts(gold, [(1, 2, 1)]) == [[1, 0], [1, 0], [1, 0]]


def test_none_found_none_there():
    gold = make(("x y", []), ("z", [(0, 1, "B")]))
    none = np.zeros((0, 3), dtype="int64")
    assert counts(gold, none) == [[0, 0], [0, 0], [0, 1]]


def published(gold, predicted):
    """Counts over lists of strings, query by query, as UniversalNER's evaluator."""
    right = said = there = 0
    for gold_strings, strings in zip(gold, predicted, strict=True):
        wanted, found = (
            list(dict.fromkeys(normalize_answer(s) for s in part))
            for part in (gold_strings, strings)
        )
        right += sum(string in wanted for string in found)
        said += len(found)
        there += len(wanted)
    return right, said, there


def test_equals_the_published_counts_on_random_sentences():
    rng = np.random.default_rng(2)
    vocabulary = ["the", "Rome", "rome", "U.S.", "US", "a", "Nile", "!"]
    for _ in range(20):
        sentences, predicted, offset = [], [], 0
        queries = ([], [])
        for _ in range(6):
            words = rng.choice(vocabulary, size=8).tolist()
            found = [], []
            for part in found:
                for start in (0, 3, 6):
                    if rng.random() < 0.7:
                        end = start + int(rng.integers(1, 3))
                        part.append((start, end, "AB"[int(rng.integers(2))]))
            sentences.append((" ".join(words), found[0]))
            predicted += [
                (offset + a, offset + b, "AB".index(c) + 1) for a, b, c in found[1]
            ]
            for label in "AB":
                for side, part in zip(queries, found, strict=True):
                    side.append(
                        [" ".join(words[a:b]) for a, b, c in part if c == label]
                    )
            offset += 8
        gold = make(*sentences)
        rows = np.array(predicted, dtype="int64").reshape(-1, 3)
        total = count_texts(Texts(gold), gold.spans, rows, 2).micro()
        assert tuple(int(part) for part in total) == published(*queries)
