"""Means with their spread over training sets, for few values and without scipy."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

# Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom.
# fmt: off
T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
Z_95 = 1.95996


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


def t_95(df: int) -> float:
    """The two-sided 95 % point of Student's t.

    df (int): degrees of freedom, from 1.
    RETURNS (float): right to 0.001.
    """
    if df <= len(T_95):
        return T_95[df - 1]
    # Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5)
    z = Z_95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / df + second / df**2
