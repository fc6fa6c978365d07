from itertools import islice

import numpy
import pytest
import torch
from thinc.api import Adam, Linear, Model, PyTorchWrapper_v2, chain, registry

from spacy_nuner.pretrain.optimizer import clip_by_global_norm, corrected_eps

RATE, EPS, DECAY = 0.01, 1e-3, 0.1


def step_with_thinc(weights: numpy.ndarray, grads: list, eps: object) -> numpy.ndarray:
    optimizer = Adam(
        RATE, eps=eps, L2=DECAY, L2_is_weight_decay=True, grad_clip=0.0,
        use_averages=False,
    )  # fmt: skip
    weights = weights.copy()
    for grad in grads:
        weights, _ = optimizer((0, "W"), weights, grad.copy())
        optimizer.step_schedules()
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


def test_corrected_eps_steps_like_torch(problem: tuple) -> None:
    weights, grads, expected = problem
    ours = step_with_thinc(weights, grads, corrected_eps(EPS, 0.999))
    # What is left: thinc decays the weights after the step, torch before it
    numpy.testing.assert_allclose(ours, expected, atol=len(grads) * RATE**2 * DECAY)


def test_constant_eps_does_not(problem: tuple) -> None:
    weights, grads, expected = problem
    ours = step_with_thinc(weights, grads, EPS)
    assert numpy.abs(ours - expected).max() > 0.01


def test_schedule_is_registered_and_grows_to_eps() -> None:
    block = {
        "@schedules": "spacy-nuner.corrected_eps.v1",
        "eps": 1e-6,
        "beta2": 0.9,
    }
    values = list(islice(registry.resolve({"eps": block})["eps"], 100))
    assert values[0] == pytest.approx(1e-6 * 0.1**0.5)
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1e-6, rel=1e-4)


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
