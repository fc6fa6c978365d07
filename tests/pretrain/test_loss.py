import math
from typing import Any

import numpy
import pytest
import torch
from thinc.api import registry

from spacy_nuner.pretrain.loss import configure_in_batch_bce


def make_cells(n_tokens: int, n_concepts: int, scale: float) -> tuple:
    rng = numpy.random.default_rng(0)
    logits = (scale * rng.standard_normal((n_tokens, n_concepts))).astype("float32")
    targets = (rng.random((n_tokens, n_concepts)) < 0.2).astype("float32")
    return logits, targets


@pytest.mark.parametrize("scale", [0.1, 3.0, 100.0])
@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (40, 3)])
def test_agrees_with_torch(shape: tuple[int, int], scale: float) -> None:
    logits, targets = make_cells(*shape, scale=scale)
    gradient, loss = configure_in_batch_bce()(logits, targets)
    z = torch.tensor(logits, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        z, torch.tensor(targets)
    )
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5, abs=1e-7)
    numpy.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-5, atol=1e-8)
    assert gradient.dtype == logits.dtype


def test_hand_computed() -> None:
    logits = numpy.asarray([[0.0, math.log(3)]], dtype="float32")
    targets = numpy.asarray([[1.0, 0.0]], dtype="float32")
    loss = configure_in_batch_bce()
    # sigmoid: 1/2 and 3/4; cross-entropies: log 2 and log 4
    assert loss.get_loss(logits, targets) == pytest.approx(1.5 * math.log(2))
    gradient = loss.get_grad(logits, targets)
    numpy.testing.assert_allclose(gradient, [[-0.25, 0.375]], rtol=1e-6)


@pytest.mark.parametrize("z,y,expected", [(1e4, 0, 1e4), (-1e4, 1, 1e4), (1e4, 1, 0)])
def test_extreme_logits_are_finite(z: float, y: float, expected: float) -> None:
    cells = numpy.full((2, 2), z, dtype="float32")
    targets = numpy.full((2, 2), y, dtype="float32")
    gradient, loss = configure_in_batch_bce()(cells, targets)
    assert loss == pytest.approx(expected)
    assert numpy.isfinite(gradient).all()


def test_nan_is_not_hidden() -> None:
    logits, targets = make_cells(3, 2, 1.0)
    logits[0, 0] = numpy.nan
    assert math.isnan(configure_in_batch_bce().get_loss(logits, targets))


def test_shapes_must_match() -> None:
    logits, targets = make_cells(3, 2, 1.0)
    with pytest.raises(ValueError, match=r"N301.*\(3, 2\) vs \(2, 2\)"):
        configure_in_batch_bce()(logits, targets[:2])


@pytest.mark.parametrize("weight,smoothing", [(3.0, 0.0), (1.0, 0.2), (0.5, 0.1)])
def test_weights_and_smoothing_agree_with_torch(
    weight: float, smoothing: float
) -> None:
    logits, targets = make_cells(9, 6, 2.0)
    weights = (numpy.random.default_rng(1).random((9, 6)) < 0.7).astype("float32")
    loss = configure_in_batch_bce(positive_weight=weight, label_smoothing=smoothing)
    gradient, value = loss(logits, targets, weights=weights)
    z, y = torch.tensor(logits, requires_grad=True), torch.tensor(targets)
    w = torch.tensor(weights) * torch.where(y > 0, weight, 1.0)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        z, y * (1 - smoothing), weight=w
    )
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-5)
    numpy.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-4, atol=1e-8)


def test_parts_of_a_batch_add_up() -> None:
    logits, targets = make_cells(10, 4, 2.0)
    loss = configure_in_batch_bce()
    gradient, value = loss(logits, targets)
    parts = [loss(logits[s], targets[s], n_cells=40) for s in (slice(3), slice(3, 10))]
    assert sum(part for _, part in parts) == pytest.approx(value, rel=1e-6)
    numpy.testing.assert_allclose(
        numpy.concatenate([part for part, _ in parts]), gradient, rtol=1e-6
    )


@pytest.mark.parametrize(
    "weight,smoothing",
    [
        (0.0, 0.0),
        (-1.0, 0.0),
        (1.0, 1.0),
        (math.nan, 0.0),
        (math.inf, 0.0),
        ("nan", 0.0),
        (1.0, math.nan),
        (1.0, "0.1"),
    ],
)
def test_impossible_settings(weight: Any, smoothing: Any) -> None:
    with pytest.raises(ValueError, match=r"N314.*above 0"):
        configure_in_batch_bce(positive_weight=weight, label_smoothing=smoothing)


def test_registered() -> None:
    config = {"loss": {"@losses": "spacy-nuner.InBatchBCE.v1"}}
    loss = registry.resolve(config)["loss"]
    assert loss.get_loss(*make_cells(2, 2, 0.0)) == pytest.approx(math.log(2))
