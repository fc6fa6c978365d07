"""Learning curves: what is known of a formula is found again; intervals hold."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from spacy_nuner.component.fewshot.learning_curve import forecast
from spacy_nuner.component.fewshot.planner import (
    SHARES,
    _deal,
    measure_curve,
    predict_growth,
)
from spacy_nuner.component.fewshot.train import read_config, train_pipeline

from .conftest import NAMES, TEXTS

SIZES = (1, 2, 4, 8, 16)


def draw_runs(
    rng: np.random.Generator, u: float, a: float, b: float, n: float
) -> list[float]:
    return list(u - a * n**-b + rng.normal(0, 0.02, 10))


def test_a_curve_is_followed() -> None:
    rng = np.random.default_rng(0)
    runs = [draw_runs(rng, 0.8, 0.5, 0.5, n) for n in SIZES]
    found = forecast(SIZES, runs, [16, 64, 256])
    expected = [0.8 - 0.5 * n**-0.5 for n in (16, 64, 256)]
    # Five noisy points don't settle the asymptote: the interval knows, too
    assert [f.expected for f in found] == pytest.approx(expected, abs=0.06)
    assert all(f.low < n < f.high for f, n in zip(found, expected, strict=True))
    widths = [f.high - f.low for f in found]
    assert widths == sorted(widths)
    for one in found:
        assert one.low <= one.mean_low <= one.expected <= one.mean_high <= one.high
        assert one.low >= 0 and one.high <= 1


def test_intervals_hold_for_curves_of_the_formula() -> None:
    rng = np.random.default_rng(1)
    within = []
    for _ in range(40):
        u, b = rng.uniform(0.6, 0.9), rng.uniform(0.3, 1.0)
        a = rng.uniform(0.3, 0.6) * u
        runs = [draw_runs(rng, u, a, b, n) for n in SIZES]
        (found,) = forecast(SIZES, runs, [64])
        value = draw_runs(rng, u, a, b, 64)[0]
        within.append(found.low <= value <= found.high)
    assert sum(within) >= 36


def test_the_same_figures_give_the_same_forecast() -> None:
    runs = [[0.3, 0.35], [0.4, 0.42], [0.5, 0.49]]
    one = forecast((1, 2, 4), runs, [8], paired=True)
    assert one == forecast((1, 2, 4), runs, [8], paired=True)
    assert one != forecast((1, 2, 4), runs, [8], paired=True, seed=1)


def test_perfect_scores_stay_perfect() -> None:
    (found,) = forecast((1, 2, 4), [[1.0, 1.0]] * 3, [8])
    assert found.expected == pytest.approx(1.0, abs=0.02)
    assert found.high <= 1.0


@pytest.fixture(scope="module")
def docs() -> list[Doc]:
    """30 sentences, told apart by a number at their end."""
    nlp = spacy.blank("en")
    found = []
    for i in range(30):
        text, ents = TEXTS[i % len(TEXTS)]
        doc = nlp.make_doc(f"{text} {i}")
        doc.set_ents([doc.char_span(s, e, label) for s, e, label in ents])
        found.append(doc)
    return found


def test_parts_are_nested_and_apart_from_what_is_predicted(docs: list[Doc]) -> None:
    splits = list(_deal(docs, 3, 0))
    held = sorted(i for split in splits if split.share == 8 for i in split.held)
    assert held == list(range(30))
    for start in range(0, len(splits), len(SHARES)):
        parts = splits[start : start + len(SHARES)]
        kept = [set(part.kept) for part in parts]
        assert all(a < b for a, b in pairwise(kept))
        assert not kept[-1] & set(parts[0].held)


def test_curve_of_own_data(docs: list[Doc], encoder_folder: Path) -> None:
    overrides = {"training.max_steps": 19, "training.optimizer.learn_rate": 0.05}
    config = read_config(None, encoder=encoder_folder, overrides=overrides)
    phrases = {label: [name] for label, name in NAMES.items()}
    nlp = train_pipeline(config, docs, phrases)
    curve = measure_curve(config, nlp, docs, phrases, n_folds=3, n_repeats=2)
    assert curve.sizes[-1] == 20
    assert curve.sizes == sorted(curve.sizes)
    assert [len(runs) for runs in curve.runs] == [2] * len(SHARES)
    assert max(curve.runs[-1]) > 0.5
    found = predict_growth(curve, len(docs), [1, 4])
    assert [one.n for one in found] == [30, 120]
    with pytest.raises(ValueError, match="N438"):
        measure_curve(config, nlp, docs[:10], phrases)
    tuned = read_config(None, encoder=encoder_folder, finetune=True)
    with pytest.raises(ValueError, match="N439"):
        measure_curve(tuned, nlp, docs, phrases)
