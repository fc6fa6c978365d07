"""What makes thinc's Adam the AdamW of the paper (docs/pretraining.md)."""

from collections.abc import Iterator

import torch
from thinc.api import Model
from thinc.types import FloatsXd
from thinc.util import get_array_module

# As in torch.nn.utils.clip_grad_norm_
CLIP_EPS = 1e-6


def corrected_eps(eps: float, beta2: float) -> Iterator[float]:
    """Make the schedule `spacy-nuner.corrected_eps.v1`: torch's epsilon for thinc.

    With fix1 = 1 - beta1^t and fix2 = 1 - beta2^t,

        torch:  w -= lr / fix1 * m / (sqrt(v / fix2) + eps)
        thinc:  w -= lr * sqrt(fix2) / fix1 * m / (sqrt(v) + eps')

    which are the same for eps' = eps * sqrt(fix2). A constant eps' = 1e-6 would be 32
    times too large in the first step, and the gradients of a mean over half a million
    cells are small.

    eps (float): Epsilon as in the paper, outside of the bias correction.
    beta2 (float): Decay of the second moment.
    YIELDS (float): Epsilon of step 1, 2, …
    """
    power = beta2
    while True:
        yield eps * (1.0 - power) ** 0.5
        power *= beta2


def clip_by_global_norm(model: Model, max_norm: float) -> float:
    """Scale all gradients down together, where their joint norm is too large.

    thinc's own `grad_clip` treats each array by itself, which changes the direction of
    the step.

    model (Model): The model, after backprop.
    max_norm (float): The largest norm allowed; 0 leaves the gradients as they are.
    RETURNS (float): The norm before.
    """
    tensors = [
        parameter.grad
        for node in model.walk()
        for shim in node.shims
        for parameter in shim._model.parameters()
        if parameter.grad is not None
    ]
    arrays = [
        (node, name)
        for node in model.walk()
        for name in node.param_names
        if node.has_grad(name)
    ]
    squares = [float(norm) ** 2 for norm in torch._foreach_norm(tensors)]
    squares += [_square_sum(node.get_grad(name)) for node, name in arrays]
    norm = sum(squares) ** 0.5
    scale = max_norm / (norm + CLIP_EPS)
    if max_norm and scale < 1.0:
        torch._foreach_mul_(tensors, scale)
        for node, name in arrays:
            node.set_grad(name, node.get_grad(name) * scale)
    return norm


def _square_sum(array: FloatsXd) -> float:
    return float(get_array_module(array).sum(array**2))
