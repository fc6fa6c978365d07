"""Whether two systems differ: paired tests, and Holm's correction for many of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..metrics import Floats
from ..tally import Tally, f1_of_sums, join
from .resample import draw, weigh

ALPHA = 0.05
# All ways to change signs are looked at up to this many training sets
MAX_EXACT = 12
EPSILON = 1e-12  # equal but for the order in which floats were added


def bootstrap_p(differences: Floats) -> float:
    """Two-sided: how often resampling turns the difference around.

    differences (Floats): (n_resamples,)
    RETURNS (float): At least 2 / (n_resamples + 1).
    """
    below = int((differences <= EPSILON).sum()) + 1
    above = int((differences >= -EPSILON).sum()) + 1
    return min(1.0, 2 * min(below, above) / (len(differences) + 1))


def sign_flip_p(differences: Floats, *, name: str, n_draws: int = 4096) -> float:
    """Permutation over training sets: the sign of each set's difference is chance.

    differences (Floats): (n_sets,)
    name (str): What is drawn, where there are too many ways to see them all.
    n_draws (int): Draws in that case.
    RETURNS (float): Two-sided; with n sets at least 2 / 2 ** n.
    """
    n = len(differences)
    if n <= MAX_EXACT:
        sides = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
        extra = 0
    else:
        sides = draw(f"{name}/signs", (n_draws, n), 2)
        extra = 1
    means = np.abs((2 * sides - 1) @ differences) / n
    reached = int((means >= abs(differences.mean()) - EPSILON).sum())
    return (reached + extra) / (len(sides) + extra)


def sentence_flip_p(
    one: Sequence[Tally],
    other: Sequence[Tally],
    gold: NDArray[np.int64],
    sides: NDArray[np.float32],
) -> float:
    """Permutation over test sentences: which system said what is chance (Yeh, 2000).

    A sentence changes sides for all training sets at once.

    one (Sequence[Tally]): Counts of a system, one for each training set.
    other (Sequence[Tally]): Counts of the other, on the same sets.
    gold (NDArray): (n_sentences, n_columns)
    sides (NDArray): From `draw_sides`.
    RETURNS (float): Two-sided.
    """
    first, second = join(one), join(other)  # (n_sentences, n_sets * 2 * n_columns)
    moved = weigh(sides, first - second)
    totals = gold.sum(axis=0)
    shape = (-1, len(one), 2, gold.shape[1])

    def difference(mine: Floats, yours: Floats) -> Floats:
        scores = [
            f1_of_sums(sums[:, :, 0], sums[:, :, 1], totals).mean(axis=1)
            for sums in (mine.reshape(shape), yours.reshape(shape))
        ]
        return np.asarray(scores[0] - scores[1])

    a, b = first.sum(axis=0)[None], second.sum(axis=0)[None]
    seen = abs(float(difference(a, b)[0]))
    chance = np.abs(difference(b + moved, a - moved))
    return (int((chance >= seen - EPSILON).sum()) + 1) / (len(sides) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: as many tests as there are values.

    p_values (Sequence[float]): One for each test.
    RETURNS (list[float]): Corrected, in the same order.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def judge(p: float) -> str:
    """RETURNS (str): The verdict. That two systems are equal is never shown."""
    return "differs" if p < ALPHA else "not shown to differ"
