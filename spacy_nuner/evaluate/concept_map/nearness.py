"""Which concepts are near a concept or a label, by the concept encoder's vectors."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Rows of the cosines that are in memory together
ROWS: Final = 1000

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def centre(vectors: Floats, mean: Floats) -> Floats:
    """Vectors from the mean concept, of length 1.

    All concepts have much in common, by which each would be near any other.

    vectors (Floats): (n, width).
    mean (Floats): The mean of the concepts, (width,).
    RETURNS (Floats): (n, width).
    """
    moved = vectors - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return (moved / np.maximum(lengths, 1e-9)).astype("float32")


def find_nearest(
    rows: Floats, concepts: Floats, n: int, *, same: bool = False
) -> tuple[Ints, Floats]:
    """Find the nearest concepts by cosine.

    rows (Floats): Of length 1, (n_rows, width).
    concepts (Floats): Of length 1, (n_concepts, width).
    n (int): How many for each row.
    same (bool): The rows are the concepts themselves, none of which is its own
        neighbour.
    RETURNS (tuple[Ints, Floats]): Numbers of the concepts, nearest first, and their
        cosines; (n_rows, n) each, or less where there are fewer concepts.
    """
    n = max(min(n, len(concepts) - same), 0)
    if not n:
        nothing = np.zeros((len(rows), 0))
        return nothing.astype("int64"), nothing.astype("float32")
    found, nearness = [], []
    for start in range(0, len(rows), ROWS):
        cosines = rows[start : start + ROWS] @ concepts.T
        if same:
            own = np.arange(len(cosines))
            cosines[own, start + own] = -np.inf
        some = np.sort(np.argpartition(-cosines, n - 1, axis=1)[:, :n], axis=1)
        values = np.take_along_axis(cosines, some, axis=1)
        # stable: of equals the more frequent one, which has the lower number
        places = np.argsort(-values, axis=1, kind="stable")
        order = np.take_along_axis(some, places, axis=1)
        found.append(order)
        nearness.append(np.take_along_axis(cosines, order, axis=1))
    return np.concatenate(found), np.concatenate(nearness)
