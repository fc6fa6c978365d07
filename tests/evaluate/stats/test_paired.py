"""Tests by hand, by the definition, and on systems that are or aren't the same."""

import itertools

import numpy as np
import pytest

from spacy_nuner.evaluate.stats.paired import (
    bootstrap_p,
    holm,
    judge,
    sentence_flip_p,
    sign_flip_p,
)
from spacy_nuner.evaluate.stats.resample import draw_sides, draw_weights, resample_f1
from spacy_nuner.evaluate.stats.spread import resample_sets
from spacy_nuner.evaluate.tally import Tally, f1_of_sums


def test_bootstrap_p():
    assert bootstrap_p(np.ones(99)) == pytest.approx(2 / 100)
    assert bootstrap_p(-np.ones(99)) == pytest.approx(2 / 100)
    assert bootstrap_p(np.zeros(99)) == 1
    values = np.array([-1.0] * 4 + [1.0] * 95)
    assert bootstrap_p(values) == pytest.approx(2 * 5 / 100)


def test_sign_flips_are_all_looked_at():
    differences = np.array([3.0, 2.0, 1.0])
    # Of 8 ways only all plus and all minus reach the mean
    assert sign_flip_p(differences, name="x") == pytest.approx(2 / 8)
    assert sign_flip_p(np.zeros(3), name="x") == 1
    means = [
        abs(sum(s * d for s, d in zip(signs, (3, -2, 1), strict=True)) / 3)
        for signs in itertools.product((1, -1), repeat=3)
    ]
    expected = sum(mean >= 2 / 3 for mean in means) / 8
    assert sign_flip_p(np.array([3.0, -2.0, 1.0]), name="x") == pytest.approx(expected)


def test_many_sets_are_drawn():
    p = sign_flip_p(np.ones(20), name="x", n_draws=500)
    assert p == pytest.approx(1 / 501)
    assert p == sign_flip_p(np.ones(20), name="x", n_draws=500)


def tallies(rng, n, columns, skill, gold):
    hits = (rng.random((n, columns)) < skill) * gold
    return Tally(hits.astype("int64"), (hits + 1).astype("int64"))


def test_sentence_flips_equal_swapping_by_hand():
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 3, size=(15, 2))
    one = [tallies(rng, 15, 2, 0.8, gold) for _ in range(3)]
    other = [tallies(rng, 15, 2, 0.6, gold) for _ in range(3)]
    sides = draw_sides("x", 200, 15)

    def mean(side):
        return np.mean(
            [f1_of_sums(t[0].sum(0), t[1].sum(0), gold.sum(0)) for t in side]
        )

    def mix(mine, yours, keep):
        keep = keep[:, None].astype(bool)
        return [
            Tally(*(np.where(keep, x, y) for x, y in zip(a, b, strict=True)))
            for a, b in zip(mine, yours, strict=True)
        ]

    seen = abs(mean(one) - mean(other))
    reached = sum(
        abs(mean(mix(one, other, keep)) - mean(mix(other, one, keep))) >= seen - 1e-12
        for keep in sides
    )
    assert sentence_flip_p(one, other, gold, sides) == pytest.approx(
        (reached + 1) / 201
    )


def test_equal_systems_are_never_told_apart_and_different_ones_are():
    rng = np.random.default_rng(2)
    gold = rng.integers(1, 3, size=(300, 1))
    good = [tallies(rng, 300, 1, 0.8, gold) for _ in range(4)]
    bad = [tallies(rng, 300, 1, 0.5, gold) for _ in range(4)]
    sides = draw_sides("x", 400, 300)
    assert sentence_flip_p(good, good, gold, sides) == 1
    assert sentence_flip_p(good, bad, gold, sides) == pytest.approx(1 / 401)


def make_systems(rng, *, gap, n=150, n_sets=8):
    """Two systems of some skill; what is hard for one is hard for the other."""
    gold = rng.poisson(0.6, size=(n, 3))
    hard, luck = rng.normal(0, 0.8, size=(n, 1)), rng.normal(0, 0.3, size=n_sets)
    systems = []
    for skill in (0.5, 0.5 + gap):
        own = rng.normal(0, 0.5, size=(n, 1))
        logits = (skill + hard + own + x + rng.normal(0, 0.2) for x in luck)
        hits = [rng.binomial(gold, 1 / (1 + np.exp(-z))) for z in logits]
        systems.append([Tally(h, h + rng.binomial(1, 0.2, h.shape)) for h in hits])
    return gold, *systems


@pytest.mark.parametrize(("gap", "low", "high"), [(0, 0, 0.1), (1, 0.8, 1)])
def test_systems_of_equal_skill_are_seldom_told_apart(gap, low, high):
    rng = np.random.default_rng(6)
    n_found = 0
    for trial in range(50):
        gold, one, other = make_systems(rng, gap=gap)
        weights = draw_weights(f"{trial}", 300, len(gold))
        (a, A), (b, B) = (resample_f1(weights, side, gold) for side in (one, other))
        both = resample_sets(a - b, A - B, name=f"{trial}").both
        n_found += bootstrap_p(both) < 0.05
    assert low <= n_found / 50 <= high


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


def test_judge():
    assert judge(0.049) == "differs"
    assert judge(0.05) == "not shown to differ"
