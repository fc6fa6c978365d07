import math
from typing import Any

import numpy
import pytest
import torch
from thinc.api import (
    Adam,
    Linear,
    Model,
    Optimizer,
    PyTorchWrapper_v2,
    chain,
    registry,
    warmup_linear,
)

from spacy_nuner.pretrain.limits import check_schedule
from spacy_nuner.pretrain.optimizer import clip_by_global_norm, make_adamw

RATE, EPS, DECAY = 0.01, 1e-3, 0.1


def step(optimizer: Optimizer, weights: numpy.ndarray, grads: list) -> numpy.ndarray:
    weights = weights.copy()
    for grad in grads:
        weights, left = optimizer((0, "W"), weights, grad.copy())
        optimizer.step_schedules()
        assert not left.any()
    return weights


@pytest.fixture
def problem() -> tuple[numpy.ndarray, list[numpy.ndarray], numpy.ndarray]:
    """Weights, gradients near epsilon, and what torch's AdamW makes of them."""
    rng = numpy.random.default_rng(0)
    weights = rng.standard_normal(50).astype("float32")
    grads = [(1e-3 * rng.standard_normal(50)).astype("float32") for _ in range(30)]
    parameter = torch.nn.Parameter(torch.tensor(weights))
    optimizer = torch.optim.AdamW([parameter], lr=RATE, eps=EPS, weight_decay=DECAY)
    for grad in grads:
        parameter.grad = torch.tensor(grad)
        optimizer.step()
    return weights, grads, parameter.detach().numpy()


def test_steps_like_torch(problem: tuple) -> None:
    weights, grads, expected = problem
    ours = step(make_adamw(RATE, eps=EPS, weight_decay=DECAY), weights, grads)
    numpy.testing.assert_allclose(ours, expected, atol=1e-6)


def test_thincs_adam_does_not(problem: tuple) -> None:
    weights, grads, expected = problem
    adam = Adam(
        RATE, eps=EPS, L2=DECAY, L2_is_weight_decay=True, grad_clip=0.0,
        use_averages=False,
    )  # fmt: skip
    assert numpy.abs(step(adam, weights, grads) - expected).max() > 0.01


def test_changes_the_array_in_place_and_scales_the_rate() -> None:
    weights = numpy.ones(3, dtype="float32")
    gradient = numpy.ones(3, dtype="float32")
    optimizer = make_adamw(0.1, weight_decay=0.0)
    returned, _ = optimizer((0, "W"), weights, gradient, lr_scale=0.5)
    assert returned is weights
    numpy.testing.assert_allclose(weights, 0.95, atol=1e-5)


def test_registered_with_a_schedule() -> None:
    block = {
        "@optimizers": "spacy-nuner.AdamW.v1",
        "learn_rate": {
            "@schedules": "warmup_linear.v1",
            "initial_rate": 1.0,
            "warmup_steps": 2,
            "total_steps": 4,
        },
    }
    optimizer = registry.resolve({"optimizer": block})["optimizer"]
    rates = []
    for _ in range(4):
        rates.append(float(optimizer.learn_rate))
        optimizer.step_schedules()
    assert rates == [0.0, 0.5, 1.0, 0.5]


@pytest.mark.parametrize(
    "name,got,allowed",
    [
        ("beta1", 1.0, "from 0 to below 1"),
        ("beta2", -0.1, "from 0 to below 1"),
        ("beta2", math.nan, "from 0 to below 1"),
        ("eps", 0.0, "above 0"),
        ("weight_decay", -1, "from 0 up"),
        ("weight_decay", math.nan, "from 0 up"),
        ("weight_decay", "0.1", "from 0 up"),
    ],
)
def test_values_without_sense(name: str, got: Any, allowed: str) -> None:
    message = rf"N381.*{name} is {got!r}\. Allowed is a number {allowed}"
    with pytest.raises(ValueError, match=message):
        make_adamw(0.1, **{name: got})


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, [-0.1, 0.2]])
def test_rates_without_sense(rate: Any) -> None:
    with pytest.raises(ValueError, match=r"N382.*Allowed is a number from 0 up"):
        make_adamw(rate)


def test_a_rate_that_is_text() -> None:
    with pytest.raises(ValueError, match=r"N383.*plain numbers"):
        make_adamw(warmup_linear("nan", 2, 4))


def test_no_step_up_the_hill() -> None:
    """With warm-up, the first rate is 0: the second one tells."""
    optimizer = make_adamw(warmup_linear(-0.1, 2, 4))
    weights, gradient = (numpy.ones(3, dtype="float32") for _ in range(2))
    optimizer((0, "W"), weights, gradient)
    optimizer.step_schedules()
    with pytest.raises(ValueError, match=r"N382.*is -0\.05"):
        optimizer((0, "W"), weights, gradient)
    numpy.testing.assert_array_equal(weights, 1.0)


def test_rates_are_looked_at_before_the_run() -> None:
    check_schedule(make_adamw(warmup_linear(0.1, 2, 4)), n_steps=9)
    check_schedule(make_adamw([0.1, 0.2, -0.1]), n_steps=2)
    for rate in ([0.1, 0.2, -0.1], warmup_linear(-0.1, 2, 4)):
        with pytest.raises(ValueError, match="N382"):
            check_schedule(make_adamw(rate), n_steps=9)


def test_clips_where_torch_has_no_gradient() -> None:
    layer = Linear(2, 2).initialize(*(numpy.ones((1, 2), dtype="float32"),) * 2)
    layer.set_grad("b", numpy.asarray([3.0, 4.0], dtype="float32"))
    assert clip_by_global_norm(layer, 1.0) == pytest.approx(5.0)
    numpy.testing.assert_allclose(layer.get_grad("b"), [0.6, 0.8], rtol=1e-4)


@pytest.fixture
def model() -> Model:
    """A torch and a thinc layer, each with a gradient."""
    torch.manual_seed(0)
    model = chain(PyTorchWrapper_v2(torch.nn.Linear(3, 2)), Linear(2, 2))
    X = numpy.ones((4, 3), dtype="float32")
    model.initialize(X, numpy.ones((4, 2), dtype="float32"))
    Y, backprop = model.begin_update(X)
    backprop(numpy.ones_like(Y))
    return model


def collect(model: Model) -> numpy.ndarray:
    torch_layer, thinc_layer = model.layers
    arrays = [p.grad.numpy() for p in torch_layer.shims[0]._model.parameters()]
    arrays += [thinc_layer.get_grad(name) for name in ("W", "b")]
    return numpy.concatenate([array.reshape(-1) for array in arrays])


@pytest.mark.parametrize("max_norm", [0.5, 1e-3])
def test_clips_all_gradients_together(model: Model, max_norm: float) -> None:
    before = collect(model)
    norm = clip_by_global_norm(model, max_norm)
    assert norm == pytest.approx(float(numpy.linalg.norm(before)), rel=1e-5)
    after = collect(model)
    assert numpy.linalg.norm(after) == pytest.approx(max_norm, rel=1e-3)
    numpy.testing.assert_allclose(after, before * max_norm / norm, rtol=1e-3)


@pytest.mark.parametrize("max_norm", [0.0, 1e6])
def test_leaves_gradients_alone(model: Model, max_norm: float) -> None:
    before = collect(model).copy()
    clip_by_global_norm(model, max_norm)
    numpy.testing.assert_array_equal(collect(model), before)
