"""Draws for bootstrap and permutation, the same on any machine and by any numpy.

numpy promises the stream of a bit generator, not what its `Generator` makes of it: so
the raw bits are used. Counts are integers, sums of them are exact in any order.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..metrics import Floats, Ints
from ..tally import Tally, f1_of_sums, join

# Rows of a table of draws that are made at once
CHUNK = 1 << 21


def draw(name: str, shape: tuple[int, int], n: int) -> Ints:
    """Draw whole numbers from 0 to n - 1, each as likely.

    name (str): What is drawn; another name, other draws.
    shape (tuple[int, int]): Rows and columns.
    n (int): Number of outcomes, below 2 ** 32.
    RETURNS (Ints): The draws.
    """
    bits = np.random.PCG64(int(hashlib.sha256(name.encode()).hexdigest()[:16], 16))
    raw = bits.random_raw(shape[0] * shape[1]) >> np.uint64(32)
    return ((raw * np.uint64(n)) >> np.uint64(32)).astype("int64").reshape(shape)


def draw_weights(name: str, n_resamples: int, n: int) -> NDArray[np.float32]:
    """How often each of n items is in each bootstrap sample of n.

    name (str): What is drawn.
    n_resamples (int): Number of samples.
    n (int): Number of items.
    RETURNS (NDArray[float32]): (n_resamples, n); each row sums to n.
    """
    weights = np.empty((n_resamples, n), dtype="float32")
    step = max(1, CHUNK // max(n, 1))
    for first in range(0, n_resamples, step):
        size = min(step, n_resamples - first)
        picked = draw(f"{name}/{first}", (size, n), n)
        picked += np.arange(size)[:, None] * n
        counts = np.bincount(picked.ravel(), minlength=size * n)
        weights[first : first + size] = counts.reshape(size, n)
    return weights


def draw_sides(name: str, n_resamples: int, n: int) -> NDArray[np.float32]:
    """A coin for each of n items: 1 or 0.

    name (str): What is drawn.
    n_resamples (int): Number of rows.
    n (int): Number of items.
    RETURNS (NDArray[float32]): (n_resamples, n)
    """
    sides = np.empty((n_resamples, n), dtype="float32")
    step = max(1, CHUNK // max(n, 1))
    for first in range(0, n_resamples, step):
        size = min(step, n_resamples - first)
        sides[first : first + size] = draw(f"{name}/{first}", (size, n), 2)
    return sides


def weigh(weights: NDArray[np.float32], counts: Ints) -> Floats:
    """Sums of counts, each sentence as often as its weight says.

    weights (NDArray[float32]): (n_resamples, n_sentences)
    counts (Ints): (n_sentences, n_columns)
    RETURNS (Floats): (n_resamples, n_columns), exact.
    """
    # Each product and partial sum is a whole number that the type can hold
    most = int(np.abs(counts).max(initial=0)) * weights.shape[1]
    kind = "float32" if most < 1 << 24 else "float64"
    return (weights.astype(kind, copy=False) @ counts.astype(kind)).astype("float64")


def resample_f1(
    weights: NDArray[np.float32], tallies: Sequence[Tally], gold: Ints
) -> tuple[Floats, Floats]:
    """F1 on all sentences, and on resampled ones.

    weights (NDArray[float32]): From `draw_weights`.
    tallies (Sequence[Tally]): Counts of a system, one for each training set.
    gold (Ints): (n_sentences, n_columns)
    RETURNS (tuple[Floats, Floats]): (n_sets,) and (n_sets, n_resamples)
    """
    shape = (-1, len(tallies), 2, gold.shape[1])
    counts = join(tallies)
    whole = counts.sum(axis=0).reshape(shape)
    values = f1_of_sums(whole[:, :, 0], whole[:, :, 1], gold.sum(axis=0))[0]
    sums = weigh(weights, counts).reshape(shape)
    totals = weigh(weights, gold)[:, None]
    return values, f1_of_sums(sums[:, :, 0], sums[:, :, 1], totals).T
