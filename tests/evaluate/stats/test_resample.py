"""Draws that are the same everywhere, and sums that are exact."""

import os
import subprocess
import sys

import numpy as np
import pytest

from spacy_nuner.evaluate.stats.resample import (
    draw,
    draw_sides,
    draw_weights,
    resample_f1,
    weigh,
)
from spacy_nuner.evaluate.tally import Tally, f1_of_sums


def test_draws_are_these_on_any_machine():
    # The raw stream of PCG64, which numpy promises; written down once
    assert draw("a", (2, 4), 100).tolist() == [[22, 54, 23, 87], [48, 16, 25, 9]]
    assert draw("a", (2, 4), 100).tolist() != draw("b", (2, 4), 100).tolist()


def test_every_outcome_is_as_likely():
    counts = np.bincount(draw("c", (100, 1000), 7).ravel(), minlength=7)
    assert counts.sum() == 100_000
    assert abs(counts / 100_000 - 1 / 7).max() < 0.005


def test_weights_are_samples_with_replacement():
    weights = draw_weights("d", 300, 50)
    assert (weights.sum(axis=1) == 50).all()
    # mean 1, variance 1 - 1/n: multinomial
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(1 - 1 / 50, rel=0.05)
    sides = draw_sides("d", 300, 50)
    assert set(np.unique(sides)) == {0, 1}
    assert sides.mean() == pytest.approx(0.5, abs=0.02)


def test_sums_are_exact_in_either_type():
    counts = np.array([[1 << 24, 3], [1, 5], [7, 0]])
    weights = np.array([[1, 1, 1], [0, 2, 1]], dtype="float32")
    assert weigh(weights, counts).tolist() == [[(1 << 24) + 8, 8], [9, 10]]
    small = weigh(weights, counts % 10)
    assert small.tolist() == [[(1 << 24) % 10 + 8, 8], [9, 10]]


def test_f1_of_resamples_equals_repeating_sentences():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, size=(12, 2))
    hits = rng.integers(0, 2, size=(12, 2)).clip(max=gold)
    tally = Tally(hits, hits + rng.integers(0, 2, size=(12, 2)))
    weights = draw_weights("e", 20, 12)
    values, resampled = resample_f1(weights, [tally, tally], gold)
    assert values.shape == (2,) and resampled.shape == (2, 20)
    assert values[0] == f1_of_sums(*(part.sum(0) for part in (*tally, gold)))
    for row, got in zip(weights, resampled[1], strict=True):
        picked = np.repeat(np.arange(12), row.astype(int))
        parts = (part[picked].sum(0) for part in (*tally, gold))
        assert got == f1_of_sums(*parts)


def test_draws_do_not_hang_on_the_hash_seed_or_threads():
    code = (
        "from spacy_nuner.evaluate.stats.resample import draw_weights; "
        "import hashlib; print(hashlib.sha256(draw_weights('x', 40, 30)).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
