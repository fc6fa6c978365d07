import numpy as np
import pytest
from thinc.api import Ragged, set_dropout_rate

from spacy_nuner.component import fit
from spacy_nuner.component.head import build_head


def make_inputs() -> Ragged:
    X = np.random.default_rng(0).normal(size=(6, 4)).astype("f")
    return Ragged(X, np.array([2, 0, 4]))


def test_refs() -> None:
    linear, deep = build_head(), build_head(8)
    assert linear.get_ref("input") is linear.get_ref("output") is linear.layers[0]
    assert deep.get_ref("input") is deep.layers[0]
    assert deep.get_ref("output") is deep.layers[-1]


@pytest.mark.parametrize("hidden_width", [None, 8])
@pytest.mark.parametrize("window", [0, 1])
def test_dimensions(hidden_width: int | None, window: int) -> None:
    head, X = build_head(hidden_width, window=window), make_inputs()
    fit.start_head(head, X.dataXd, 3, pull=0.0)
    views = 1 + 2 * window
    assert head.predict(X).shape == (6, 3)
    n_first = 3 if hidden_width is None else hidden_width
    assert head.get_ref("input").get_param("W").shape == (views * n_first, 4)


def test_dropout_is_of_training_alone() -> None:
    head, X = build_head(8), make_inputs()
    fit.start_head(head, X.dataXd, 3, pull=0.0)
    head.get_ref("output").set_param("W", np.ones((3, 8), dtype="f"))
    set_dropout_rate(head, 0.5)
    dropped, _ = head.begin_update(X)
    predicted = head.predict(X)
    set_dropout_rate(head, 0.0)
    whole, _ = head.begin_update(X)
    assert not np.allclose(dropped, whole)
    np.testing.assert_allclose(whole, predicted, atol=1e-5)
