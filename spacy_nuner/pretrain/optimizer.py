"""AdamW in thinc, and clipping by the joint norm (docs/pretraining.md)."""

from collections.abc import Sequence
from typing import cast

import torch
from thinc.api import Model, Optimizer
from thinc.types import FloatsXd, Generator
from thinc.util import get_array_module, torch2xp, xp2torch
from torch import Tensor
from torch.optim.adamw import adamw

from ..errors import Errors
from .limits import check_adamw_values, check_rate

# As in torch.nn.utils.clip_grad_norm_
CLIP_EPS = 1e-6


class AdamW(Optimizer):
    """thinc's optimizer with torch's AdamW kernel: the paper's optimizer, exactly.

    thinc's own Adam differs from AdamW in epsilon (added before the bias correction:
    32 times too large in the first step, where gradients of a mean over half a million
    cells are small) and takes four times as long on a CPU. The arrays are changed in
    place; moments and step counts are kept by thinc's keys.
    """

    def __call__(
        self,
        key: tuple[int, str],
        weights: FloatsXd,
        gradient: FloatsXd,
        *,
        lr_scale: float = 1.0,
    ) -> tuple[FloatsXd, FloatsXd]:
        """Take a step.

        key (tuple[int, str]): Whose weights they are.
        weights (FloatsXd): The weights, changed in place.
        gradient (FloatsXd): Its gradient; zeros afterwards.
        lr_scale (float): What the learning rate is multiplied with.
        RETURNS (tuple[FloatsXd, FloatsXd]): Both arrays.
        """
        grad = xp2torch(gradient)
        self.update([key], [xp2torch(weights)], [grad], lr_scale=lr_scale)
        grad.zero_()
        return weights, gradient

    def update(
        self,
        keys: Sequence[tuple[int, str]],
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        *,
        lr_scale: float = 1.0,
    ) -> None:
        """Take a step on many tensors in one call: a third of the time of many.

        keys (Sequence[tuple[int, str]]): Whose weights they are.
        weights (Sequence[Tensor]): The weights, changed in place.
        gradients (Sequence[Tensor]): Their gradients.
        lr_scale (float): What the learning rate is multiplied with.
        RAISES (ValueError): If the learning rate is none.
        """
        check_rate(self.learn_rate)
        if not keys:
            return
        for key, tensor in zip(keys, weights, strict=True):
            if key not in self.mom1:
                for moments in (self.mom1, self.mom2):
                    zeros = torch.zeros_like(tensor)
                    moments[key] = cast(FloatsXd, torch2xp(zeros))
        device = weights[0].device
        n_updates = [float(self.nr_update[key]) for key in keys]
        with torch.no_grad():
            adamw(
                [tensor.detach() for tensor in weights],
                list(gradients),
                [xp2torch(self.mom1[key], device=device) for key in keys],
                [xp2torch(self.mom2[key], device=device) for key in keys],
                [],
                list(torch.tensor(n_updates, device=device).unbind()),
                fused=True,
                amsgrad=False,
                beta1=float(self.b1),
                beta2=float(self.b2),
                lr=float(self.learn_rate) * lr_scale,
                weight_decay=float(self.L2),
                eps=float(self.eps),
                maximize=False,
            )
        for key in keys:
            self.nr_update[key] += 1


def make_adamw(
    learn_rate: float | list[float] | Generator,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-6,
    weight_decay: float = 0.01,
) -> AdamW:
    """Make the optimizer `spacy-nuner.AdamW.v1`. The defaults are the paper's.

    learn_rate (float | list[float] | Generator): The learning rate.
    beta1 (float): Decay of the first moment.
    beta2 (float): Decay of the second moment.
    eps (float): Epsilon, outside of the bias correction.
    weight_decay (float): Decay of the weights, times the learning rate.
    RETURNS (AdamW): The optimizer.
    RAISES (ValueError): For values that are not allowed.
    """
    check_adamw_values(beta1, beta2, eps, weight_decay)
    try:
        optimizer = AdamW(
            learn_rate,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            L2=weight_decay,
            L2_is_weight_decay=True,
            grad_clip=0.0,
            use_averages=False,
        )
    except (ValueError, TypeError) as error:
        problem = " ".join(str(error).split())
        raise ValueError(Errors.N383.format(error=problem)) from None
    check_rate(optimizer.learn_rate)
    return optimizer


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
    # Where both encoders are frozen, there is none
    norms = torch._foreach_norm(tensors) if tensors else ()
    squares = [float(norm) ** 2 for norm in norms]
    squares += [_square_sum(node.get_grad(name)) for node, name in arrays]
    norm = sum(squares) ** 0.5
    scale = max_norm / (norm + CLIP_EPS)
    if max_norm and scale < 1.0:
        if tensors:
            torch._foreach_mul_(tensors, scale)
        for node, name in arrays:
            node.set_grad(name, node.get_grad(name) * scale)
    return norm


def _square_sum(array: FloatsXd) -> float:
    return float(get_array_module(array).sum(array**2))
