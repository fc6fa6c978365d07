from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_nuner.component.encoder.pieces import Pieces, Special
from spacy_nuner.component.encoder.windows import cut_windows, group_windows


def to_ints(numbers: Any) -> Any:
    return np.array(numbers, dtype="int64")


@pytest.mark.parametrize(
    "n,starts,lengths",
    [
        (0, [], []),
        (1, [0], [1]),
        (8, [0], [8]),
        (9, [0, 3], [6, 6]),
        (13, [0, 5], [8, 8]),
        (14, [0, 3, 7], [7, 7, 7]),
        (20, [0, 4, 8, 12], [8, 8, 8, 8]),
    ],
)
def test_cut_windows(n: int, starts: list[int], lengths: list[int]) -> None:
    windows = cut_windows(to_ints([0, n]), window=8, stride=5)
    assert (windows.starts.tolist(), windows.lengths.tolist()) == (starts, lengths)
    assert windows.offsets.tolist() == np.cumsum([0, *lengths]).tolist()


def test_weights_fall_towards_the_edges() -> None:
    windows = cut_windows(to_ints([0, 6]), window=4, stride=2)
    assert windows.starts.tolist() == [0, 2]
    # Distances from the edge: 1 2 2 1 and, two later, 1 2 2 1
    expected = [1, 1, 2 / 3, 1 / 3, 1 / 3, 2 / 3, 1, 1]
    np.testing.assert_allclose(windows.weights, expected, rtol=1e-6)


def test_a_short_text_has_the_weight_one() -> None:
    windows = cut_windows(to_ints([0, 3, 3, 5]), window=4, stride=2)
    assert windows.starts.tolist() == [0, 3]
    assert windows.weights.tolist() == [1.0] * 5


def make_pieces(lengths: list[int]) -> Pieces:
    """Sub-tokens with the ids 10, 11, …; each one a token of its own."""
    n = sum(lengths)
    return Pieces(
        ids=np.arange(10, 10 + n),
        starts=to_ints(np.cumsum([0, *lengths])),
        n_tokens=n,
        part_piece=np.arange(n),
        part_token=np.arange(n),
        part_weight=np.ones(n, dtype="float32"),
    )


SPECIAL = Special([1], [2, 3])


def test_group_by_hand() -> None:
    pieces = make_pieces([2, 3])
    windows = cut_windows(pieces.starts, window=4, stride=2)
    (group,) = group_windows(pieces, windows, SPECIAL, pad_id=0, max_items=100)
    assert group.ids.tolist() == [[1, 12, 13, 14, 2, 3], [1, 10, 11, 2, 3, 0]]
    assert group.mask.tolist() == [[1] * 6, [1, 1, 1, 1, 1, 0]]
    assert group.rows.tolist() == [1, 2, 3, 7, 8]
    assert group.tokens.tolist() == [2, 3, 4, 0, 1]
    assert group.weights.tolist() == [1.0] * 5


def test_a_sub_token_of_two_tokens_votes_for_both() -> None:
    pieces = make_pieces([2])._replace(
        n_tokens=3,
        part_piece=to_ints([0, 1, 1]),
        part_token=to_ints([0, 1, 2]),
        part_weight=np.ones(3, dtype="float32"),
    )
    windows = cut_windows(pieces.starts, window=4, stride=2)
    (group,) = group_windows(pieces, windows, SPECIAL, pad_id=0, max_items=100)
    assert (group.rows.tolist(), group.tokens.tolist()) == ([1, 2, 2], [0, 1, 2])


def test_no_windows() -> None:
    pieces = make_pieces([0, 0])
    windows = cut_windows(pieces.starts, window=4, stride=2)
    assert group_windows(pieces, windows, SPECIAL, pad_id=0, max_items=9) == []


def test_windows_of_like_length_go_together() -> None:
    pieces = make_pieces([1, 7, 1, 7, 2])
    windows = cut_windows(pieces.starts, window=8, stride=6)
    groups = group_windows(pieces, windows, SPECIAL, pad_id=0, max_items=20)
    assert [group.ids.shape for group in groups] == [(2, 10), (3, 5)]


def test_a_window_larger_than_a_group_goes_alone() -> None:
    pieces = make_pieces([30, 30])
    windows = cut_windows(pieces.starts, window=30, stride=20)
    groups = group_windows(pieces, windows, SPECIAL, pad_id=0, max_items=5)
    assert [group.ids.shape for group in groups] == [(1, 33), (1, 33)]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 60), max_size=5),
    st.integers(1, 20),
    st.floats(0.05, 1.0),
    st.integers(1, 80),
)
def test_nothing_is_lost_and_nothing_counts_twice(
    lengths: list[int], window: int, share: float, max_items: int
) -> None:
    stride = max(1, int(window * share))
    pieces = make_pieces(lengths)
    windows = cut_windows(pieces.starts, window=window, stride=stride)
    assert (windows.lengths <= window).all() and (windows.lengths > 0).all()
    groups = group_windows(pieces, windows, SPECIAL, pad_id=0, max_items=max_items)
    assert sum(len(group.ids) for group in groups) == len(windows.starts)
    totals = np.zeros(pieces.n_tokens)
    for group in groups:
        # Where a vote is read from stands the sub-token that it counts for
        read = group.ids.flatten()[group.rows]
        assert read.tolist() == pieces.ids[group.tokens].tolist()
        assert group.mask.flatten()[group.rows].all()
        np.add.at(totals, group.tokens, group.weights)
        assert group.ids.size <= max(max_items, group.ids.shape[1])
    np.testing.assert_allclose(totals, 1.0, rtol=1e-5)
    # No window goes across two docs
    docs = np.searchsorted(pieces.starts, windows.starts, side="right") - 1
    assert (windows.starts + windows.lengths <= pieces.starts[docs + 1]).all()


def test_number_of_windows_grows_with_the_length() -> None:
    counts = []
    for n in (1_000, 10_000, 100_000):
        windows = cut_windows(to_ints([0, n]), window=192, stride=160)
        assert len(windows.weights) <= 1.2 * n + 192
        counts.append(len(windows.starts))
    assert counts == [7, 63, 625]
