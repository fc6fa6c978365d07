"""Confusions, mistakes and doubts, on docs made by hand."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_nuner.component.fewshot.confusion import (
    NONE,
    count_confusions,
    list_mistakes,
    score,
)
from spacy_nuner.component.fewshot.markdown import describe_doubt
from spacy_nuner.component.fewshot.predict import Prediction
from spacy_nuner.component.fewshot.unsure import find_contradictions, rank

NLP = spacy.blank("en")
WORDS = ["the", "oil", "filter", "of", "Clark", "leaks"]
Spans = list[tuple[int, int, str]]


def make_doc(spans: Spans, missing: list[int] | None = None) -> Doc:
    doc = Doc(NLP.vocab, words=WORDS)
    ents = [Span(doc, start, end, label=label) for start, end, label in spans]
    doc.set_ents(ents, missing=[doc[i : i + 1] for i in missing or ()])
    return doc


def make_example(
    predicted: Spans, gold: Spans, missing: list[int] | None = None
) -> Example:
    return Example(make_doc(predicted), make_doc(gold, missing))


@pytest.mark.parametrize(
    ("predicted", "gold", "cells"),
    [
        ([(1, 3, "A")], [(1, 3, "A")], {("A", "A"): 1}),
        ([(1, 2, "A")], [(1, 3, "A")], {("A", "A"): 1}),
        ([(1, 3, "B")], [(1, 3, "A")], {("A", "B"): 1}),
        ([], [(1, 3, "A")], {("A", NONE): 1}),
        ([(4, 5, "B")], [], {(NONE, "B"): 1}),
        # The prediction that covers more of it counts; the other is no second mistake
        ([(0, 2, "B"), (2, 6, "A")], [(1, 5, "A")], {("A", "A"): 1}),
    ],
)
def test_confusions(
    predicted: Spans, gold: Spans, cells: dict[tuple[str, str], int]
) -> None:
    counts = count_confusions([make_example(predicted, gold)], ["A", "B"])
    assert list(counts) == list(counts["A"]) == ["A", "B", NONE]
    found = {(g, p): n for g, row in counts.items() for p, n in row.items() if n}
    assert found == cells


def test_what_is_not_annotated_is_no_mistake() -> None:
    example = make_example([(4, 5, "B")], [(1, 3, "A")], missing=[4])
    assert count_confusions([example], ["A", "B"])[NONE]["B"] == 0
    assert [m.gold for m in list_mistakes([example])] == ["oil filter"]


def test_mistakes_have_borders() -> None:
    (mistake,) = list_mistakes(
        [make_example([], []), make_example([(1, 2, "A")], [(1, 3, "A")])]
    )
    assert mistake == (1, "oil filter", "A", "oil", "A")


def test_score() -> None:
    examples = [make_example([(1, 3, "A"), (4, 5, "A")], [(1, 3, "A"), (4, 5, "B")])]
    scores = score(examples, ["A", "B", "C"])
    assert scores["labels"]["A"] == {"n": 1, "predicted": 2, "p": 0.5, "r": 1.0} | {
        "f": pytest.approx(2 / 3)
    }
    assert scores["labels"]["C"]["n"] == 0 and scores["labels"]["C"]["f"] == 0.0
    assert (scores["ents_p"], scores["ents_r"]) == (0.5, 0.5)
    # A: 2 of 3 tokens and none missed, B: its one token missed
    assert scores["token_macro_f1"] == pytest.approx(0.5 * 2 * 2 / 5)
    assert score([make_example([], [])], ["A"])["ents_f"] == 0.0


def make_prediction(*rows: tuple[float, ...]) -> Prediction:
    rest = [(1.0, 0.0, 0.0)] * (len(WORDS) - len(rows))
    return Prediction(make_doc([]), np.array([*rows, *rest], dtype="float32"))


def test_the_least_sure_come_first() -> None:
    sure = make_prediction((1.0, 0.0, 0.0))
    torn = make_prediction((0.0, 1.0, 0.0), (0.1, 0.4, 0.5), (0.5, 0.3, 0.2))
    empty = Prediction(Doc(NLP.vocab, words=[]), np.zeros((0, 3), dtype="float32"))
    found = rank([sure, torn, empty], ["A", "B"])
    assert [u.sentence for u in found] == [1, 0]
    assert found[0].sureness == pytest.approx((0.1 + 0.2 + 1.0) / 3)
    doubt = found[0].doubts[0]
    assert describe_doubt(doubt._asdict()) == "“oil”: B 0.50 or A 0.40"
    assert found[1].sureness == 1.0


def test_white_space_is_never_in_doubt() -> None:
    doc = Doc(NLP.vocab, words=["oil", "\n"])
    probs = np.array([[1, 0, 0], [0.4, 0.3, 0.3]], dtype="float32")
    assert rank([Prediction(doc, probs)], ["A", "B"])[0].sureness == 1.0


def test_contradictions() -> None:
    sure = make_prediction((1.0, 0.0, 0.0), (0.1, 0.9, 0.0), (0.2, 0.8, 0.0))
    gold = [(1, 2, "B")]
    examples = [make_example([], gold), make_example([], [(1, 3, "A")])]
    (found,) = find_contradictions([sure, sure], examples, ["A", "B"])
    assert found[:3] == (0, "oil", "B")
    assert (found.p_gold, found.predicted) == (0.0, "A")
    open_ = [make_example([], [], missing=list(range(len(WORDS))))]
    assert find_contradictions([sure], open_, ["A", "B"]) == []
