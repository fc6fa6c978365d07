"""Errors by kind and tables of confusion, by hand and against what must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_nuner.evaluate.mistakes import (
    KINDS,
    confuse_entities,
    confuse_tokens,
    count_mistakes,
    match_entities,
    name_table,
)


def rows(values):
    return np.array(values, dtype="int64").reshape(-1, 3)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([(0, 2, 1)], [(0, 2, 1)], {"right": 1}),
        ([(0, 2, 1)], [(0, 2, 2)], {"type": 1}),
        ([(0, 2, 1)], [(1, 2, 1)], {"span": 1}),
        ([(0, 2, 1)], [(1, 3, 2)], {"both": 1}),
        ([(0, 2, 1)], [], {"missed": 1}),
        ([], [(0, 2, 1)], {"spurious": 1}),
        ([(0, 2, 1)], [(2, 4, 1)], {"missed": 1, "spurious": 1}),
        # one gold entity told as two: one has wrong edges, the other is too many
        ([(0, 4, 1)], [(0, 2, 1), (2, 4, 1)], {"span": 1, "spurious": 1}),
        # edges go before type, type before the length of what is shared
        ([(0, 1, 1), (1, 5, 2)], [(0, 1, 2), (1, 4, 1)], {"type": 1, "both": 1}),
        ([(0, 6, 1)], [(0, 1, 1), (1, 6, 2)], {"span": 1, "spurious": 1}),
        ([(0, 6, 1)], [(0, 1, 2), (1, 6, 2)], {"both": 1, "spurious": 1}),
        ([], [], {}),
    ],
)
def test_kinds(gold, predicted, expected):
    counts = count_mistakes(rows(gold), rows(predicted))
    assert counts == dict.fromkeys(KINDS, 0) | expected


def test_the_longer_share_is_the_partner():
    pairs = match_entities(rows([(0, 6, 1)]), rows([(1, 6, 2), (0, 1, 2)]))
    assert pairs == [(0, 0, "both")]


def test_confuse_tokens():
    gold, predicted = np.array([0, 1, 1, 2, -1]), np.array([0, 1, 2, 0, 1])
    table = confuse_tokens(gold, predicted, 2)
    assert table.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert name_table(table, ["A", "B"])["labels"] == ["None", "A", "B"]


def test_confuse_entities():
    gold, predicted = rows([(0, 2, 1), (3, 4, 2)]), rows([(0, 1, 2), (6, 7, 1)])
    table = confuse_entities(gold, predicted, 2)
    assert table.tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def entities(draw_edges, types):
    edges = sorted(set(draw_edges))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return rows(
        [(a, b, t) for (a, b), t in zip(pairs, types, strict=False)] if pairs else []
    )


spans = st.builds(
    entities,
    st.lists(st.integers(0, 40), max_size=16),
    st.lists(st.integers(1, 3), min_size=8, max_size=8),
)


@settings(max_examples=100, deadline=None)
@given(spans, spans)
def test_everything_is_counted_once(gold, predicted):
    counts = count_mistakes(gold, predicted)
    paired = counts["right"] + counts["type"] + counts["span"] + counts["both"]
    assert paired + counts["missed"] == len(gold)
    assert paired + counts["spurious"] == len(predicted)
    both = {tuple(row) for row in gold.tolist()} & {
        tuple(r) for r in predicted.tolist()
    }
    assert counts["right"] == len(both)
    table = confuse_entities(gold, predicted, 3)
    assert table[1:].sum() == len(gold)
    assert table[:, 1:].sum() == len(predicted)
    for g, p, kind in match_entities(gold, predicted):
        assert gold[g, 0] < predicted[p, 1] and predicted[p, 0] < gold[g, 1]
        same_span = (gold[g, :2] == predicted[p, :2]).all()
        same_type = gold[g, 2] == predicted[p, 2]
        assert kind == ("both", "span", "type", "right")[2 * same_span + same_type]
