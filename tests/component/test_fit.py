from collections.abc import Callable

import numpy as np
import pytest
from thinc.api import Adam, Optimizer, Ragged

from spacy_nuner.component import fit
from spacy_nuner.component.head import HeadT, build_head, list_layers
from spacy_nuner.component.window_linear import whiten

WIDTH, N_TAGS, LENGTHS = 5, 3, [4, 0, 9, 1, 6]


def make_inputs() -> Ragged:
    rng = np.random.default_rng(0)
    X = rng.normal(2.0, 3.0, size=(sum(LENGTHS), WIDTH)).astype("f")
    return Ragged(X, np.array(LENGTHS))


def make_tags() -> np.ndarray:
    return np.random.default_rng(1).integers(-1, N_TAGS, size=sum(LENGTHS))


def make_head(
    hidden_width: int | None = None, *, pull: float = 0.0, window: int = 1
) -> HeadT:
    head = build_head(hidden_width, window=window)
    fit.start_head(head, make_inputs().dataXd, N_TAGS, pull=pull)
    return head


def make_sgd(learn_rate: float = 0.1, *, L2: float = 0.0) -> Optimizer:
    return Adam(learn_rate, L2=L2, grad_clip=0.0, use_averages=False)


def randomize(head: HeadT) -> None:
    """Weights that are not zero, in place of those of the start."""
    rng = np.random.default_rng(2)
    for layer in list_layers(head):
        for name in ("W", "b"):
            shape = layer.get_param(name).shape
            layer.set_param(name, rng.normal(size=shape).astype("f"))


def differentiate(function: Callable[[], float], array: np.ndarray) -> np.ndarray:
    """Central differences of a function of an array that is changed in place."""
    found, step = np.zeros_like(array), 1e-4
    for at in np.ndindex(array.shape):
        before = array[at]
        array[at] = before + step
        above = function()
        array[at] = before - step
        found[at] = (above - function()) / (2 * step)
        array[at] = before
    return found


@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 1.0], [0.2, 3.0, 0.7]])
def test_gradient_of_the_loss_against_differences(weights: list[float] | None) -> None:
    rng = np.random.default_rng(3)
    logits, Y = rng.normal(size=(12, 3)), rng.integers(-1, 3, size=12)
    given = None if weights is None else np.array(weights)
    loss, gradient = fit.softmax_loss(logits, Y, given)
    expected = differentiate(lambda: fit.softmax_loss(logits, Y, given)[0], logits)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    assert loss > 0 and not gradient[Y < 0].any()
    if weights == [1.0, 1.0, 1.0]:
        assert loss == pytest.approx(fit.softmax_loss(logits, Y)[0])


def test_loss_with_weights_by_hand() -> None:
    """Two tokens with the probabilities 1/2 and 1/4 of their tags, weights 1 and 3."""
    logits = np.log(np.array([[0.5, 0.5], [0.75, 0.25], [0.1, 0.9]]))
    loss, gradient = fit.softmax_loss(
        logits, np.array([0, 1, -1]), np.array([1.0, 3.0])
    )
    assert loss == pytest.approx((np.log(2) + 3 * np.log(4)) / 4)
    expected = [[-0.125, 0.125], [0.5625, -0.5625], [0, 0]]
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_loss_of_large_logits_is_finite() -> None:
    logits = np.array([[1000.0, 0.0], [0.0, 1000.0]], dtype="f")
    loss, gradient = fit.softmax_loss(logits, np.array([0, 0]))
    assert loss == pytest.approx(500.0) and np.isfinite(gradient).all()


def test_nothing_annotated() -> None:
    logits = np.ones((3, 2), dtype="f")
    loss, gradient = fit.softmax_loss(logits, np.full(3, -1))
    assert loss == 0.0 and not gradient.any()


@pytest.mark.parametrize(
    "exponent,expected",
    [
        (0.0, [1.0, 1.0, 1.0]),
        (1.0, np.array([1 / 10, 1 / 2, 1]) / (1.6 / 3)),
        (0.5, np.array([10**-0.5, 2**-0.5, 1]) / ((10**-0.5 + 2**-0.5 + 1) / 3)),
    ],
)
def test_weights_of_tags(exponent: float, expected: list[float]) -> None:
    """Nine, one and no tokens; each tag counts as if it were there once more."""
    Y = np.array([0] * 9 + [1] + [-1] * 5)
    weights = fit.weigh_tags(Y, 3, exponent)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights.dtype == np.float32


@pytest.mark.parametrize("hidden_width", [None, 6])
@pytest.mark.parametrize("window", [0, 1])
def test_loss_and_gradient_against_autograd(
    hidden_width: int | None, window: int
) -> None:
    torch = pytest.importorskip("torch")
    head, X, Y = make_head(hidden_width, window=window), make_inputs(), make_tags()
    randomize(head)
    first, output = head.get_ref("input"), head.get_ref("output")
    logits, backprop = head.begin_update(X)
    weights = np.array([0.5, 1.0, 2.0], dtype="f")
    loss, d_logits = fit.softmax_loss(logits, Y, weights)
    dX = backprop(d_logits).dataXd

    Xt = torch.tensor(X.dataXd, requires_grad=True)
    U = (Xt - torch.tensor(first.get_param("mean"))) * torch.tensor(
        first.get_param("whiten")
    )
    params = {
        layer.id: [
            torch.tensor(layer.get_param(name), requires_grad=True) for name in "Wb"
        ]
        for layer in (first, output)
    }
    Z = apply_window(torch, U, *params[first.id], window)
    if hidden_width is not None:
        Z = apply_output(torch, Z, *params[output.id])
    expected = torch.nn.functional.cross_entropy(
        Z, torch.tensor(Y), ignore_index=-1, weight=torch.tensor(weights)
    )
    expected.backward()
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    for layer in (first, output):
        for name, array in zip("Wb", params[layer.id], strict=True):
            np.testing.assert_allclose(layer.get_grad(name), array.grad, atol=1e-5)
    np.testing.assert_allclose(dX, Xt.grad, atol=1e-5)


def apply_window(torch, U, W, b, window: int):  # type: ignore[no-untyped-def]
    """The first layer in torch, text by text."""
    views = W.reshape(1 + 2 * window, -1, WIDTH)
    outputs = []
    for own in torch.split(U, LENGTHS):
        Y = own @ views[0].T
        if window:
            edge = torch.zeros(min(len(own), 1), WIDTH)
            before, after = torch.cat([edge, own[:-1]]), torch.cat([own[1:], edge])
            Y = Y + 0.5 * before @ views[1].T + 0.5 * after @ views[2].T
        outputs.append(Y)
    return torch.cat(outputs) + b


def apply_output(torch, Z, W, b):  # type: ignore[no-untyped-def]
    """What is behind the first of two layers in torch; a unit per tag is linear."""
    return torch.cat([Z[:, :N_TAGS], torch.relu(Z[:, N_TAGS:])], dim=1) @ W.T + b


@pytest.mark.parametrize("hidden_width", [None, 6])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0]])
def test_training_matches_torch(
    weights: list[float] | None, hidden_width: int | None
) -> None:
    """Twenty steps of Adam with the pull, against autograd and torch's Adam."""
    torch = pytest.importorskip("torch")
    head, X, Y = make_head(hidden_width, pull=0.05), make_inputs(), make_tags()
    given = None if weights is None else np.array(weights, dtype="f")
    U = torch.tensor(whiten(head.get_ref("input"), X.dataXd))
    layers, starts, pulls = list_layers(head), [], []
    for layer in layers:
        starts += [torch.tensor(layer.get_param(name)) for name in "Wb"]
        pulls += 2 * [layer.attrs["pull"]]
    params = [start.clone().requires_grad_() for start in starts]
    sgd = make_sgd(0.01)
    losses = fit.train_head(head, X, Y, sgd=sgd, n_steps=20, weights=given)
    optimizer = torch.optim.Adam(params, lr=0.01)
    expected = []
    for _ in range(20):
        optimizer.zero_grad()
        Z = apply_window(torch, U, params[0], params[1], 1)
        if hidden_width is not None:
            Z = apply_output(torch, Z, params[2], params[3])
        loss = torch.nn.functional.cross_entropy(
            Z,
            torch.tensor(Y),
            ignore_index=-1,
            weight=None if given is None else torch.tensor(given),
        )
        expected.append(loss.item())
        for pull, now, start in zip(pulls, params, starts, strict=True):
            loss = loss + pull * ((now - start) ** 2).sum()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(losses, expected, atol=1e-4)
    for i, layer in enumerate(layers):
        W = layer.get_param("W")
        # Adam divides by small gradients, those of few units that are hardly active
        np.testing.assert_allclose(W, params[2 * i].detach(), atol=5e-4)


@pytest.mark.parametrize("hidden_width", [None, 6])
def test_pull_is_the_gradient_of_the_distance(hidden_width: int | None) -> None:
    """Of each layer to its own start: `pull * (|W - W0|² + |b - b0|²)`."""
    head, X = make_head(hidden_width, pull=2.0), make_inputs()
    first, output = head.get_ref("input"), head.get_ref("output")
    pulls = {first.id: 2.0 / len(X.dataXd) ** 0.5}
    if hidden_width is not None:
        pulls[output.id] = fit.OUTPUT_PULL * pulls[first.id]
    layers = list_layers(head)
    assert [layer.id for layer in layers] == list(pulls)
    for layer in layers:
        for name in "Wb":
            start, now = layer.get_param(f"{name}0"), layer.get_param(name)
            np.testing.assert_array_equal(start, now)
    randomize(head)
    logits, backprop = head.begin_update(X)
    backprop(np.zeros_like(logits))
    fit.pull_back(head)
    for layer in layers:
        for name in "Wb":
            offset = layer.get_param(name) - layer.get_param(f"{name}0")
            expected = 2 * pulls[layer.id] * offset
            assert offset.any()
            np.testing.assert_allclose(layer.get_grad(name), expected, rtol=1e-5)


def test_pull_without_a_gradient_does_nothing() -> None:
    """Where the pipe is not trained, the pull does not move it either."""
    head = make_head(pull=2.0)
    randomize(head)
    fit.pull_back(head)
    assert not head.get_ref("output").has_grad("W")


def test_mean_and_whitening_are_not_trained() -> None:
    head = make_head()
    first = head.get_ref("input")
    before = {name: first.get_param(name).copy() for name in ("mean", "whiten")}
    sgd = make_sgd(L2=0.1)
    fit.train_head(head, make_inputs(), make_tags(), sgd=sgd, n_steps=3)
    assert first.get_param("W").any()
    for name, array in before.items():
        np.testing.assert_array_equal(first.get_param(name), array)


def test_start_is_remembered_in_training() -> None:
    head = make_head()
    output = head.get_ref("output")
    before = {name: output.get_param(name).copy() for name in ("W0", "b0")}
    fit.train_head(head, make_inputs(), make_tags(), sgd=make_sgd(), n_steps=3)
    for name, array in before.items():
        np.testing.assert_array_equal(output.get_param(name), array)


def test_restart_with_more_tags_after_training() -> None:
    """Gradients of the old size are not in the way."""
    head = make_head()
    fit.train_head(head, make_inputs(), make_tags(), sgd=make_sgd(), n_steps=2)
    fit.start_head(head, make_inputs().dataXd, 6, pull=0.0)
    losses = fit.train_head(head, make_inputs(), make_tags(), sgd=make_sgd(), n_steps=2)
    assert losses[0] == pytest.approx(np.log(6), abs=1e-5)


@pytest.mark.parametrize("hidden_width", [None, 4])
@pytest.mark.parametrize("window", [0, 1])
def test_added_tags_change_no_prediction(hidden_width: int | None, window: int) -> None:
    head, X = make_head(hidden_width, window=window), make_inputs()
    fit.train_head(head, X, make_tags(), sgd=make_sgd(), n_steps=5)
    before = head.predict(X)
    fit.add_tags(head, 2)
    after = head.predict(X)
    assert after.shape == (len(X.dataXd), N_TAGS + 2)
    np.testing.assert_allclose(after[:, :N_TAGS], before, atol=1e-5)
    assert (after[:, N_TAGS:] == fit.NEW_TAG_BIAS).all()
    Y = np.where(make_tags() == 0, N_TAGS + 1, make_tags())
    losses = fit.train_head(head, X, Y, sgd=make_sgd(), n_steps=30)
    assert losses[-1] < losses[0]
