"""Steps of thinc's optimizer on torch weights."""

from collections.abc import Mapping
from typing import cast

from thinc.api import Optimizer
from thinc.types import FloatsXd
from thinc.util import torch2xp, xp2torch
from torch import nn


def update_in_place(
    module: nn.Module,
    optimizer: Optimizer,
    *,
    key: int,
    lr_scales: Mapping[str, float] | None = None,
) -> None:
    """Let thinc's optimizer step on the weights of a torch module.

    thinc's own way wraps each tensor once more in each step, and the small wrappers,
    never freed, tear the heap to pieces.

    module (nn.Module): The module; its gradients are gone afterwards.
    optimizer (Optimizer): The optimizer.
    key (int): By what the optimizer knows the module.
    lr_scales (Mapping[str, float] | None): What the rate of each parameter is
        multiplied with; None: nothing.
    """
    for name, parameter in module.named_parameters():
        if parameter.grad is None:
            continue
        weights, _ = optimizer(
            (key, name),
            cast(FloatsXd, torch2xp(parameter.data)),
            cast(FloatsXd, torch2xp(parameter.grad)),
            lr_scale=1.0 if lr_scales is None else lr_scales[name],
        )
        updated = xp2torch(weights, device=parameter.device)
        if updated.data_ptr() != parameter.data_ptr():
            parameter.data.copy_(updated)
        parameter.grad = None
