"""Intervals that hold what they say, also for few training sets."""

import numpy as np
import pytest

from spacy_nuner.evaluate.stats.spread import (
    Resampled,
    average,
    interval,
    resample_sets,
    stretch,
)


def test_interval_is_the_percentiles():
    assert interval(np.arange(1001.0)) == (25, 975)


def test_one_set_has_no_spread_over_sets():
    resampled = np.linspace(0, 1, 101)[None]
    found = resample_sets(np.array([0.5]), resampled, name="a").spread()
    assert found.sets is None
    assert found.both == found.sentences == (0.025, 0.975)
    assert found.as_dict()["both"] == [0.025, 0.975]


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
def test_sets_alone_give_students_interval(n):
    values = np.random.default_rng(n).normal(size=n)
    same = np.tile(values[:, None], 20_000)
    found = resample_sets(values, same, name=f"n{n}")
    half = stretch(n) * 1.96 * values.std() / np.sqrt(n)
    assert found.both.std() * 1.96 == pytest.approx(half, rel=0.03)
    np.testing.assert_allclose(found.both, found.sets, atol=1e-9)
    assert found.sentences.std() == pytest.approx(0, abs=1e-12)


def test_the_interval_over_sets_covers():
    rng = np.random.default_rng(0)
    for n, at_least in ((5, 0.91), (10, 0.92)):
        inside = 0
        for trial in range(300):
            values = rng.normal(size=n)
            same = np.tile(values[:, None], 400)
            low, high = resample_sets(values, same, name=f"{trial}").spread().both
            inside += low <= 0 <= high
        assert at_least <= inside / 300 <= 0.99


def test_both_is_wider_than_either():
    rng = np.random.default_rng(3)
    values = rng.normal(size=10)
    sentences = rng.normal(scale=0.5, size=3000)
    resampled = values[:, None] + sentences + rng.normal(scale=0.1, size=(10, 3000))
    spread = resample_sets(values, resampled, name="x").spread()
    widths = [high - low for low, high in (spread.sentences, spread.sets, spread.both)]
    assert widths[2] > max(widths[:2])
    assert widths[2] == pytest.approx(np.hypot(*widths[:2]), rel=0.1)


def test_average_of_data_sets():
    one = Resampled(
        0.2, 10, np.array([0.1, 0.3]), np.array([0.2, 0.2]), np.array([0, 1.0])
    )
    other = one._replace(value=0.4, n_sets=3)
    mean = average([one, other])
    assert mean.value == pytest.approx(0.3)
    assert mean.n_sets == 3
    assert mean.sets is not None
    assert average([one, other._replace(sets=None)]).sets is None
