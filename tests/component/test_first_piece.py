import numpy as np
import pytest
from thinc.api import Ragged, reduce_first

from spacy_nuner.component.first_piece import build_first_piece


def make_ragged(lengths: list[int]) -> Ragged:
    n = sum(lengths)
    data = np.arange(1, 2 * n + 1, dtype="float32").reshape(n, 2)
    return Ragged(data, np.array(lengths, dtype="i"))


@pytest.mark.parametrize("lengths", [[1], [2, 1, 3], [1, 1, 1]])
def test_same_as_reduce_first(lengths: list[int]) -> None:
    ours, theirs = build_first_piece(), reduce_first()
    X = make_ragged(lengths)
    (Y, backprop), (Y2, backprop2) = ours(X, True), theirs(X, True)
    np.testing.assert_array_equal(Y, Y2)
    np.testing.assert_array_equal(backprop(Y).dataXd, backprop2(Y2).dataXd)


@pytest.mark.parametrize(
    "lengths,expected",
    [([0], [0]), ([0, 2, 0, 1, 0], [0, 1, 0, 5, 0]), ([], []), ([0, 0], [0, 0])],
)
def test_tokens_without_pieces_get_zeros(
    lengths: list[int], expected: list[int]
) -> None:
    X = make_ragged(lengths)
    Y, backprop = build_first_piece()(X, True)
    assert Y[:, 0].tolist() == expected
    dX = backprop(np.ones_like(Y))
    assert dX.dataXd.shape == X.dataXd.shape
    assert dX.dataXd.sum() == 2 * sum(n > 0 for n in lengths)


def test_reduce_first_refuses_them() -> None:
    """Why there is a layer of our own; when this fails it may go."""
    with pytest.raises(ValueError, match="lengths must be > 0"):
        reduce_first()(make_ragged([1, 0]), False)
