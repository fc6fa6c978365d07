import numpy as np
import pytest

from spacy_nuner.component import reliability
from spacy_nuner.component.reliability import (
    GRID,
    N_BINS,
    f1_curve,
    fit_sigmoid,
    measure_reliability,
)


@pytest.mark.parametrize("shift", [0.0, -3.0, 4.0])
def test_rare_positives_do_not_drive_the_scale_away(shift: float) -> None:
    """Plain Newton steps once ended at a scale of 1e12 on an encoder's real logits."""
    rng = np.random.default_rng(0)
    positive = rng.random(20_000) < 0.01
    z = np.where(positive, rng.normal(2, 2, 20_000), rng.normal(-1, 1.2, 20_000))
    z = (z + shift).astype("float32")
    scale, offset = fit_sigmoid(z, positive)
    assert 0.5 < scale < 3
    # where the likelihood is highest the mean prediction is the share that is true
    p = 1 / (1 + np.exp(-(scale * z + offset)))
    assert p.mean() == pytest.approx(positive.mean(), rel=1e-4)


def test_many_pairs_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(1.0, 2.0, size=60000)
    positive = rng.random(len(logits)) < 1 / (1 + np.exp(-logits))
    whole = fit_sigmoid(logits, positive)
    monkeypatch.setattr(reliability, "MAX_PAIRS", 20000)
    drawn = fit_sigmoid(logits, positive)
    assert drawn != whole
    assert drawn == pytest.approx(whole, abs=0.1)


def test_f1_curve_by_hand() -> None:
    logits = np.array([0.1, 1.1, 2.1, 3.1], dtype="f")
    positive = np.array([False, True, False, True])
    curve = f1_curve(logits, positive)
    assert curve.shape == GRID.shape
    for threshold, expected in [(-1.0, 2 / 3), (1.0, 0.8), (2.0, 0.5), (3.0, 2 / 3)]:
        at = int(np.flatnonzero(threshold == GRID)[0])
        assert curve[at] == pytest.approx(expected)
    assert curve[-1] == 0.0 and not f1_curve(logits, positive & False).any()


@pytest.mark.parametrize("scale,offset", [(1.5, -4.0), (0.3, 1.0)])
def test_sigmoid_is_found_again(scale: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(1.0, 2.0, size=40000)
    p = 1 / (1 + np.exp(-(scale * logits + offset)))
    found = fit_sigmoid(logits, rng.random(len(p)) < p)
    assert found == pytest.approx((scale, offset), rel=0.05)


def test_sigmoid_of_separable_pairs_is_finite() -> None:
    logits = np.array([-2.0, -1.0, 1.0, 2.0])
    scale, offset = fit_sigmoid(logits, logits > 0)
    assert np.isfinite([scale, offset]).all() and scale > 1


def test_reliability_by_hand() -> None:
    logits = np.array([0.0, 0.0, 0.0, 5.0, 100.0], dtype="f")
    positive = np.array([True, False, False, True, True])
    figures = measure_reliability(logits, positive, {"a": (1.0, 0.0), "b": (0.0, 0.0)})
    a, b = ([f for f in figures if f["name"] == name] for name in "ab")
    assert [(f["n"], f["observed"]) for f in a] == [(3, pytest.approx(1 / 3)), (2, 1)]
    assert a[0]["predicted"] == 0.5 and a[1]["predicted"] > 1 - 1 / N_BINS
    assert [(f["n"], f["predicted"]) for f in b] == [(5, 0.5)]
