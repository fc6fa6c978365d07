"""Intervals of a mean over training sets: by test sentences, by sets, by both.

The same test sentences serve all training sets, so both are resampled at once: every
set is scored on the same resampled sentences.
"""

import math
from typing import NamedTuple

import numpy as np

from ...student import Z_95, t_95
from ..metrics import Floats
from .resample import draw

DIGITS = 6  # a last bit may differ between processors


class Spread(NamedTuple):
    """A mean over training sets and its 95 % intervals."""

    value: float
    n_sets: int
    sentences: tuple[float, float]  # other test sentences, the same training sets
    sets: tuple[float, float] | None  # the same sentences, other sets; None: one set
    both: tuple[float, float]

    def as_dict(self) -> dict[str, object]:
        """RETURNS (dict[str, object]): For JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
        }


class Resampled(NamedTuple):
    """A mean over training sets on resampled data."""

    value: float
    n_sets: int
    sentences: Floats  # (n_resamples,)
    sets: Floats | None  # (n_resamples,)
    both: Floats  # (n_resamples,)

    def spread(self) -> Spread:
        """RETURNS (Spread): Intervals, from percentiles."""
        return Spread(
            round(self.value, DIGITS),
            self.n_sets,
            interval(self.sentences),
            None if self.sets is None else interval(self.sets),
            interval(self.both),
        )


def interval(values: Floats) -> tuple[float, float]:
    """RETURNS (tuple[float, float]): 2.5 % and 97.5 % points."""
    low, high = np.quantile(values, (0.025, 0.975))
    return round(float(low), DIGITS), round(float(high), DIGITS)


def stretch(n: int) -> float:
    """What the bootstrap's spread of a mean of n values has to be multiplied with.

    Few values make it too narrow: their variance is taken with n instead of n - 1,
    and Student's t is wider than the normal law. With 10 values it is 1.22.

    n (int): Number of values, from 2.
    RETURNS (float): The factor.
    """
    return math.sqrt(n / (n - 1)) * t_95(n - 1) / Z_95


def resample_sets(values: Floats, resampled: Floats, *, name: str) -> Resampled:
    """Resample training sets.

    values (Floats): (n_sets,) figure of each set on all sentences.
    resampled (Floats): (n_sets, n_resamples) the same on resampled sentences.
    name (str): What is drawn; systems that are compared must get the same.
    RETURNS (Resampled): The mean over sets.
    """
    n, n_resamples = resampled.shape
    value, centre = float(values.mean()), resampled.mean(axis=0)
    if n == 1:
        return Resampled(value, n, centre, None, centre)
    picked = draw(f"{name}/sets/{n}", (n_resamples, n), n)
    factor = stretch(n)
    sets = value + factor * (values[picked].mean(axis=1) - value)
    mixed = resampled.T[np.arange(n_resamples)[:, None], picked].mean(axis=1)
    return Resampled(value, n, centre, sets, centre + factor * (mixed - centre))


def average(parts: list[Resampled]) -> Resampled:
    """The mean over data sets, which are resampled apart.

    parts (list[Resampled]): One for each data set.
    RETURNS (Resampled): Their mean; "sets" only where all have several.
    """
    sets = [part.sets for part in parts if part.sets is not None]
    return Resampled(
        float(np.mean([part.value for part in parts])),
        min(part.n_sets for part in parts),
        np.mean([part.sentences for part in parts], axis=0),
        np.mean(sets, axis=0) if len(sets) == len(parts) else None,
        np.mean([part.both for part in parts], axis=0),
    )
