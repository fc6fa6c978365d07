"""Means with their spread over training sets, for few values and without scipy."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from ..student import t_95


class Stat(NamedTuple):
    """A mean over training sets."""

    mean: float
    sd: float | None  # with n - 1; None for a single value
    n: int
    low: float | None  # 95 % interval of the mean by Student's t; None likewise
    high: float | None


def describe(values: Sequence[float]) -> Stat:
    """Describe the values of several training sets.

    values (Sequence[float]): at least one.
    RETURNS (Stat): mean, standard deviation, number, 95 % interval of the mean.
    """
    mean, n = statistics.fmean(values), len(values)
    if n < 2:
        return Stat(mean, None, n, None, None)
    sd = statistics.stdev(values)
    half = t_95(n - 1) * sd / math.sqrt(n)
    return Stat(mean, sd, n, mean - half, mean + half)
