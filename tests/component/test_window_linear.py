import numpy as np
import pytest
from thinc.api import Ragged

from spacy_nuner.component.window_linear import (
    WindowLinear,
    build_window_linear,
    project,
    whiten,
)

N_IN, N_OUT, WEIGHT = 4, 3, 0.5
LENGTHS = [3, 0, 1, 4, 2, 0]


def make_layer(n_views: int, *, is_matrix: bool) -> WindowLinear:
    layer = build_window_linear(n_views, WEIGHT)
    layer.set_dim("nI", N_IN)
    layer.set_dim("nO", N_OUT)
    shapes = {
        "W": (n_views * N_OUT, N_IN),
        "b": (N_OUT,),
        "mean": (N_IN,),
        "whiten": (N_IN, N_IN) if is_matrix else (N_IN,),
    }
    rng = np.random.default_rng(0)
    for name, shape in shapes.items():
        layer.set_param(name, rng.normal(size=shape).astype("float32"))
    return layer


def make_inputs(lengths: list[int] | None = None) -> Ragged:
    lengths = LENGTHS if lengths is None else lengths
    rng = np.random.default_rng(1)
    X = rng.normal(1.0, 2.0, size=(sum(lengths), N_IN)).astype("float32")
    return Ragged(X, np.array(lengths))


def compute(layer: WindowLinear, X: Ragged) -> np.ndarray:
    """The formula of the module, token by token."""
    W, M = layer.get_param("W"), layer.get_param("whiten")
    views = W.reshape(-1, N_OUT, N_IN)
    outputs, start = [], 0
    for length in X.lengths:
        own = X.dataXd[start : start + length]
        U = [(M * (x - layer.get_param("mean"))) for x in own]
        if M.ndim == 2:
            U = [M @ (x - layer.get_param("mean")) for x in own]
        U = [u if x.any() else 0.0 * u for u, x in zip(U, own, strict=True)]
        for i in range(length):
            y = views[0] @ U[i] + layer.get_param("b")
            if len(views) == 3 and i > 0:
                y = y + WEIGHT * views[1] @ U[i - 1]
            if len(views) == 3 and i + 1 < length:
                y = y + WEIGHT * views[2] @ U[i + 1]
            outputs.append(y)
        start += length
    return np.array(outputs)


@pytest.mark.parametrize("n_tokens", [10, 40])  # fewer than outputs, and more
@pytest.mark.parametrize("is_matrix", [False, True])
def test_white_space_is_like_the_end_of_a_text(n_tokens: int, is_matrix: bool) -> None:
    """It has no vector; its neighbours must not see the mean in its place."""
    layer = make_layer(3, is_matrix=is_matrix)
    X = make_inputs([n_tokens])
    X.dataXd[4] = 0.0
    halves = Ragged(np.delete(X.dataXd, 4, axis=0), np.array([4, n_tokens - 5]))
    expected = compute(layer, halves)
    trained, _ = layer.begin_update(X)
    for Y in (layer.predict(X), trained):
        np.testing.assert_allclose(np.delete(Y, 4, axis=0), expected, atol=1e-4)


@pytest.mark.parametrize("n_views", [1, 3])
@pytest.mark.parametrize("is_matrix", [False, True])
def test_both_ways_compute_the_formula(n_views: int, is_matrix: bool) -> None:
    """Whitening is taken into the weights, but in training on few tokens."""
    layer, X = make_layer(n_views, is_matrix=is_matrix), make_inputs()
    expected = compute(layer, X)
    trained, _ = layer.begin_update(X)
    np.testing.assert_allclose(trained, expected, atol=1e-4)
    np.testing.assert_allclose(layer.predict(X), expected, atol=1e-4)
    projected, _ = project(layer, whiten(layer, X.dataXd), X.lengths, is_first=True)
    np.testing.assert_allclose(projected, expected, atol=1e-4)


@pytest.mark.parametrize("lengths", [[], [0], [1], [1, 1, 1], [2]])
@pytest.mark.parametrize("n_views", [1, 3])
def test_short_texts(n_views: int, lengths: list[int]) -> None:
    layer, X = make_layer(n_views, is_matrix=True), make_inputs(lengths)
    expected = compute(layer, X).reshape(-1, N_OUT)
    np.testing.assert_allclose(layer.predict(X), expected, atol=1e-4)
    trained, backprop = layer.begin_update(X)
    np.testing.assert_allclose(trained, expected, atol=1e-4)
    assert backprop(trained).dataXd.shape == X.dataXd.shape


@pytest.mark.parametrize("n_views", [1, 3])
@pytest.mark.parametrize("is_matrix", [False, True])
def test_gradients_against_differences(n_views: int, is_matrix: bool) -> None:
    """The layer is linear in each of them, so that differences are exact."""
    layer, X = make_layer(n_views, is_matrix=is_matrix), make_inputs()
    Y, backprop = layer.begin_update(X)
    dY = np.random.default_rng(2).normal(size=Y.shape).astype("float32")
    found = {"X": backprop(dY).dataXd}
    found |= {name: layer.get_grad(name) for name in ("W", "b")}
    arrays = {"X": X.dataXd, "W": layer.get_param("W"), "b": layer.get_param("b")}
    for name, array in arrays.items():
        expected = np.zeros_like(array)
        for at in np.ndindex(array.shape):
            before = array[at]
            sums = []
            for step in (-1.0, 1.0):
                array[at] = before + step
                sums.append((compute(layer, X) * dY).sum())
            array[at] = before
            expected[at] = (sums[1] - sums[0]) / 2
        np.testing.assert_allclose(found[name], expected, atol=2e-4, err_msg=name)


def test_gradient_of_the_first_layer_is_not_computed() -> None:
    layer, X = make_layer(3, is_matrix=True), make_inputs()
    Y, backprop = project(layer, whiten(layer, X.dataXd), X.lengths, is_first=True)
    assert backprop(Y) is Y and layer.has_grad("W")


def test_neighbours_are_of_the_same_text() -> None:
    """A token changes its neighbours' outputs, and none in another text."""
    layer, X = make_layer(3, is_matrix=False), make_inputs([2, 3, 0, 2])
    before = layer.predict(X)
    for changed, expected in [(1, {0, 1}), (2, {2, 3}), (4, {3, 4}), (5, {5, 6})]:
        other = X.dataXd.copy()
        other[changed] += 1.0
        after = layer.predict(Ragged(other, X.lengths))
        differ = np.abs(after - before).max(axis=1) > 1e-3
        assert set(np.flatnonzero(differ).tolist()) == expected
