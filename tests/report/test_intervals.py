import math

import pytest

from spacy_nuner.report.intervals import describe, t_95


def test_describe() -> None:
    stat = describe([10.0, 12.0, 14.0])
    assert (stat.mean, stat.sd, stat.n) == (12.0, 2.0, 3)
    half = 4.303 * 2 / math.sqrt(3)
    assert stat.low == pytest.approx(12 - half)
    assert stat.high == pytest.approx(12 + half)


def test_single_value_has_no_interval() -> None:
    assert describe([7.5]) == (7.5, None, 1, None, None)


# from the tables of Abramowitz and Stegun, and scipy.stats.t.ppf(0.975, df)
@pytest.mark.parametrize(
    ("df", "t"),
    [(1, 12.706), (9, 2.262), (30, 2.042), (31, 2.0395), (60, 2.0003), (1000, 1.9623)],
)
def test_t(df: int, t: float) -> None:
    assert t_95(df) == pytest.approx(t, abs=1e-3)
