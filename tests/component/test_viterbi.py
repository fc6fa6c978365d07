from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_nuner.component.viterbi import (
    N_PRIOR,
    NEVER,
    VALID,
    B,
    I,
    O,
    count_pairs,
    find_best_tags,
    learn_transitions,
)


def get_kind(tag: int) -> int:
    return 0 if tag == 0 else 2 - tag % 2


def is_valid(tags: tuple[int, ...]) -> bool:
    """Whether each I- tag (an even one) follows a B- or I- tag of its label."""
    return all(
        tag == 0 or tag % 2 == 1 or before in (tag - 1, tag)
        for before, tag in pairwise((0, *tags))
    )


def get_score(
    tags: tuple[int, ...], log_probs: np.ndarray, transitions: np.ndarray
) -> float:
    kinds = [O, *(get_kind(tag) for tag in tags)]
    emitted = sum(log_probs[i, tag] for i, tag in enumerate(tags))
    return float(emitted + sum(transitions[pair] for pair in pairwise(kinds)))


@settings(max_examples=60, deadline=None)
@given(
    n_labels=st.integers(1, 2),
    lengths=st.lists(st.integers(0, 4), max_size=4),
    spread=st.sampled_from([0.1, 1.0, 5.0]),
    seed=st.integers(0, 2**16),
)
def test_no_valid_sequence_is_better(
    n_labels: int, lengths: list[int], spread: float, seed: int
) -> None:
    """Against all sequences there are, text by text."""
    rng = np.random.default_rng(seed)
    n_tags = 1 + 2 * n_labels
    log_probs = rng.normal(size=(sum(lengths), n_tags)).astype("float32")
    transitions = spread * rng.normal(size=(3, 3))
    transitions[O, I] = NEVER
    found = find_best_tags(log_probs, np.array(lengths, "int64"), transitions)
    start = 0
    for length in lengths:
        own = log_probs[start : start + length]
        tags = tuple(found[start : start + length].tolist())
        best = max(
            get_score(other, own, transitions)
            for other in product(range(n_tags), repeat=length)
            if is_valid(other)
        )
        assert is_valid(tags)
        assert get_score(tags, own, transitions) == pytest.approx(best, abs=1e-4)
        start += length


def test_argmax_where_it_is_valid() -> None:
    probs = np.full((4, 5), 0.1)
    probs[np.arange(4), [1, 2, 0, 3]] = 0.6
    tags = find_best_tags(np.log(probs), np.array([4]), VALID)
    assert tags.tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize("before", [0, 3, 4])
def test_inside_needs_its_own_beginning(before: int) -> None:
    """After "O" or another label, what looks like "I-A" becomes "B-A"."""
    probs = np.full((3, 5), 1e-4)
    probs[0, 3], probs[1, before], probs[2, 2], probs[2, 1] = 0.9, 0.9, 0.8, 0.1
    tags = find_best_tags(np.log(probs), np.array([3]), VALID)
    assert tags.tolist() == [3, before, 1]


def test_pairs_are_counted_within_texts_and_annotation() -> None:
    kinds = np.array([B, I, O, O, -1, B, B, I])
    counts = count_pairs(kinds, np.array([3, 0, 3, 2]))
    expected = np.zeros((3, 3))
    expected[B, I], expected[I, O] = 2, 1
    np.testing.assert_array_equal(counts, expected)


def test_transitions_by_hand() -> None:
    """log p(next | this) - log p(next), with the prior's pairs among the counts."""
    tags = np.array([1, 2, 0, 3, 0, 0])
    prior = np.array([[0.5, 0.1, 0.0], [0.1, 0.1, 0.1], [0.0, 0.0, 0.1]])
    found = learn_transitions(tags, np.array([6]), weight=2.0, prior=prior)
    counts = N_PRIOR * prior
    counts[B, I] += 1
    counts[I, O] += 1
    counts[O, B] += 1
    counts[B, O] += 1
    counts[O, O] += 1
    for this, after in [(O, O), (O, B), (B, O), (B, I), (I, O), (I, I)]:
        given_this = counts[this, after] / counts[this].sum()
        alone = counts[:, after].sum() / counts.sum()
        expected = 2.0 * np.log(given_this / alone)
        assert found[this, after] == pytest.approx(expected, abs=1e-6)
    assert found[O, I] == NEVER


def test_weight_0_only_forbids() -> None:
    found = learn_transitions(np.array([1, 2, 0]), np.array([3]), weight=0.0)
    np.testing.assert_array_equal(found, VALID)


def test_nothing_to_learn_from() -> None:
    found = learn_transitions(np.zeros(0, "int64"), np.zeros(0, "int64"), weight=1.0)
    assert found[O, I] == NEVER
    # All pairs alike but for the forbidden one: nothing prefers "O" to "B-"
    assert found[O, O] == pytest.approx(found[O, B])
    assert np.isfinite(found).all()
