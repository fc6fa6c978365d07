"""Adaptation to the support set of an episode."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def adapt(
    module: nn.Module,
    loss: Callable[[], Tensor],
    *,
    rate: float,
    max_steps: int,
    patience: int,
) -> int:
    """Fine-tune on a support set, all of it in each step.

    module (nn.Module): The network. It is in evaluation mode afterwards: the published
        code leaves dropout on for prototypes and predictions.
    loss (Callable): Loss of the support set.
    rate (float): Learning rate of Adam.
    max_steps (int): Steps at most.
    patience (int): It ends when the loss was above the lowest so many times in a row,
        and then once more.
    RETURNS (int): Steps taken.
    """
    optimizer = torch.optim.Adam(
        [p for p in module.parameters() if p.requires_grad], lr=rate
    )
    module.train()
    lowest, n_above, n_steps = float("inf"), 0, 0
    for _ in range(max_steps):
        optimizer.zero_grad()
        value = loss()
        current = float(value.detach())
        n_above = n_above + 1 if current > lowest else 0
        lowest = min(lowest, current)
        if n_above > patience:
            break
        value.backward()
        optimizer.step()
        n_steps += 1
    module.eval()
    return n_steps
