from typing import Any

import numpy as np
import pytest
from thinc.api import Ragged

from spacy_nuner.component import fit
from spacy_nuner.component.head import HeadT, build_head, list_layers
from spacy_nuner.component.threshold import N_FOLDS, SHIFTS, fit_none_shift


def make_data(distance: float, n_texts: int = 60) -> tuple[Ragged, np.ndarray]:
    """Texts of ten tokens; every tenth is of a type, and its vector lies elsewhere."""
    rng = np.random.default_rng(0)
    Y = (rng.random(10 * n_texts) < 0.1).astype("int64")
    X = rng.normal(size=(len(Y), 2)).astype("f")
    X[:, 0] += distance * Y
    return Ragged(X, np.full(n_texts, 10)), Y


def make_head(X: Ragged, *, n_tags: int = 2) -> HeadT:
    head = build_head(window=0)
    fit.start_head(head, X.dataXd, n_tags, pull=0.1)
    return head


@pytest.mark.parametrize("weights,sign", [(None, -1), ([0.2, 1.8], 1)])
def test_shift_towards_the_best_f1(weights: list[float] | None, sign: int) -> None:
    """Rare types are found too seldom, or too often if they weigh too much."""
    X, Y = make_data(1.5)
    given = None if weights is None else np.array(weights, dtype="f")
    shift = fit_none_shift(make_head(X), X, Y, weights=given)
    assert shift * sign >= 0.5 and shift in SHIFTS


def test_no_shift_where_nothing_is_to_be_gained() -> None:
    X, Y = make_data(30.0)
    assert fit_none_shift(make_head(X), X, Y, weights=None) == 0.0


def test_head_stays_as_it_is() -> None:
    X, Y = make_data(1.5, n_texts=8)
    head = make_head(X)
    output = head.get_ref("output")
    names = ("W", "b", "W0", "b0", "mean", "whiten")
    before = {name: output.get_param(name).copy() for name in names}
    pull = output.attrs["pull"]
    shifts = {fit_none_shift(head, X, Y, weights=None, seed=3) for _ in range(2)}
    assert len(shifts) == 1 and output.attrs["pull"] == pull
    for name, array in before.items():
        np.testing.assert_array_equal(output.get_param(name), array)


@pytest.mark.parametrize("hidden_width", [None, 4])
def test_pull_of_a_smaller_training_set(
    monkeypatch: pytest.MonkeyPatch, hidden_width: int | None
) -> None:
    """Three quarters of the tokens: that of each layer is stronger."""
    X, Y = make_data(1.5, n_texts=8)
    head = build_head(hidden_width, window=0)
    fit.start_head(head, X.dataXd, 2, pull=0.1)
    train, pulls = fit.train_head, []

    def train_head(copy: HeadT, *args: Any, **options: Any) -> list[float]:
        pulls.extend(layer.attrs["pull"] for layer in list_layers(copy))
        return train(copy, *args, **options)

    monkeypatch.setattr(fit, "train_head", train_head)
    fit_none_shift(head, X, Y, weights=None)
    factors = [1.0] if hidden_width is None else [1.0, fit.OUTPUT_PULL]
    expected = [0.1 / 60**0.5 * factor for factor in factors] * N_FOLDS
    assert pulls == pytest.approx(expected)


@pytest.mark.parametrize("n_texts", [0, 1, N_FOLDS - 1])
def test_fewer_sentences_than_folds(n_texts: int) -> None:
    X, Y = make_data(1.5)
    few = Ragged(X.dataXd[: 10 * n_texts], X.lengths[:n_texts])
    assert fit_none_shift(make_head(X), few, Y[: 10 * n_texts], weights=None) == 0.0


def test_texts_without_tokens_and_annotation() -> None:
    """Folds that hold no token, or only missing annotation, do no harm."""
    X, Y = make_data(30.0, n_texts=4)
    lengths = np.array([10, 0, 10, 0, 0, 10, 10])
    Y[20:30] = -1
    shift = fit_none_shift(make_head(X), Ragged(X.dataXd, lengths), Y, weights=None)
    assert shift in SHIFTS


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("tag", [-1, 0])
def test_no_entity_at_all(tag: int) -> None:
    """There is no type whose F1 could be measured."""
    X, Y = make_data(1.5, n_texts=8)
    assert fit_none_shift(make_head(X), X, np.full_like(Y, tag), weights=None) == 0.0
