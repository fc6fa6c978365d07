"""Where a learning curve leads: F1 with more examples than there are, with an interval.

F1 rises as u - a * n ** -b: fast at first, then slowly to an asymptote u. A few points
do not settle the three; every curve that fits them counts, by how well it does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Slopes from almost logarithmic to the quick end of few-shot curves
EXPONENTS: Floats = np.geomspace(0.08, 1.5, 24)
ASYMPTOTES: Floats = np.linspace(0.02, 1.0, 50)
# How far true curves lie from the formula, in F1
MODEL_SD = 0.015
N_DRAWS = 2000
INTERVAL = (2.5, 97.5)


class Forecast(NamedTuple):
    """F1 expected with so many examples."""

    n: float
    expected: float  # median of the curves
    low: float  # 95 % interval of one training set
    high: float
    mean_low: float  # 95 % interval of the mean over training sets
    mean_high: float


def forecast(
    sizes: Sequence[float],
    runs: Sequence[Sequence[float]],
    targets: Sequence[float],
    *,
    paired: bool = False,
    seed: int = 0,
) -> list[Forecast]:
    """Say what F1 to expect with other numbers of examples.

    Training sets are drawn with replacement (bootstrap); for each draw one curve is
    taken, those that fit it well more often. The interval of one training set also has
    the spread between sets at the largest size.

    sizes (Sequence[float]): Examples that were trained on, two sizes at least.
    runs (Sequence[Sequence[float]]): F1 of the training sets of each size.
    targets (Sequence[float]): Numbers of examples that are asked about.
    paired (bool): Whether the i-th sets of all sizes contain each other, so that they
        are drawn together.
    seed (int): Of the draws.
    RETURNS (list[Forecast]): One for each target.
    """
    rng = np.random.default_rng(seed)
    scores = [np.asarray(values, dtype="float64") for values in runs]
    means = _draw_means(scores, rng, paired=paired)  # (n_draws, n_sizes)
    curves = _draw_curves(np.asarray(sizes, dtype="float64"), means, rng)
    reach = np.asarray(targets, dtype="float64")
    u, a, b = (part[:, None] for part in curves)
    level = u - a * reach**-b  # (n_draws, n_targets)
    spread = float(scores[-1].std(ddof=1)) if len(scores[-1]) > 1 else 0.0
    one = level + rng.normal(0.0, max(spread, MODEL_SD), level.shape)
    low, high = np.percentile(np.clip(one, 0, 1), INTERVAL, axis=0)
    mean_low, mean_high = np.percentile(np.clip(level, 0, 1), INTERVAL, axis=0)
    middle = np.median(np.clip(level, 0, 1), axis=0)
    rows = zip(reach, middle, low, high, mean_low, mean_high, strict=True)
    return [Forecast(*(round(float(value), 4) for value in row)) for row in rows]


def _draw_means(
    scores: Sequence[Floats], rng: np.random.Generator, *, paired: bool
) -> Floats:
    """RETURNS (Floats): Means over sets drawn with replacement; (n_draws, n_sizes)."""
    if paired:
        table = np.stack(scores)  # (n_sizes, n_sets)
        chosen = rng.integers(table.shape[1], size=(N_DRAWS, table.shape[1]))
        return np.asarray(table[:, chosen].mean(axis=2).T)
    columns = []
    for values in scores:
        chosen = rng.integers(len(values), size=(N_DRAWS, len(values)))
        columns.append(values[chosen].mean(axis=1))
    return np.stack(columns, axis=1)


def _draw_curves(
    sizes: Floats, means: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Take one curve for each draw.

    sizes (Floats): (n_sizes,)
    means (Floats): (n_draws, n_sizes)
    rng (np.random.Generator): Source of chance.
    RETURNS (tuple[Floats, Floats, Floats]): u, a and b; (n_draws,) each.
    """
    b, u = (grid.ravel() for grid in np.meshgrid(EXPONENTS, ASYMPTOTES))
    x = sizes[None] ** -b[:, None]  # (n_curves, n_sizes)
    # Larger sets vary less, and are nearer to what is asked
    counts = sizes / sizes.mean()
    # Least squares of u - F = a * x, without the array of all residuals
    missing = u * (x @ counts) - (means * counts) @ x.T  # (n_draws, n_curves)
    a = missing / (x**2 @ counts)
    total = (
        (means**2 @ counts)[:, None]
        - 2 * (means @ counts)[:, None] * u
        + counts.sum() * u**2
    )
    error = np.maximum(total - a * missing, 0.0)  # (n_draws, n_curves)
    weight = np.exp(-(error - error.min(axis=1, keepdims=True)) / (2 * MODEL_SD**2))
    # A curve that falls is none
    weight = np.where(a >= 0, weight, 0.0)
    running = np.cumsum(weight, axis=1)
    wanted = rng.random(len(means))[:, None] * running[:, -1:]
    picked = (running < wanted).sum(axis=1)
    picked = np.minimum(picked, len(u) - 1)
    return u[picked], a[np.arange(len(means)), picked], b[picked]
