"""Dropout for a CPU: torch draws one number at a time, numpy a block."""

from collections.abc import Callable
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, softmax
from torch.overrides import TorchFunctionMode

# A mask is drawn from 16 random bits: the share is exact to 1/65536
LEVELS = 2**16


class FastDropout(nn.Dropout):
    """`nn.Dropout` with a faster source of random bits on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0 or x.device.type != "cpu":
            return super().forward(x)
        return drop(x, self.p)


class FastAttention(TorchFunctionMode):
    """A context in which torch's attention with dropout is `attend`, on a CPU.

    There, torch has no kernel of its own for attention with dropout.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is scaled_dot_product_attention:
            return attend(*args, **kwargs)
        return func(*args, **kwargs)


def drop(x: Tensor, p: float) -> Tensor:
    """Set a random share of the values to 0.

    torch takes 7 ns for each value, 8 % of a step; this takes a third of it. The bits
    follow from torch's own random state, so a seed fixes them.

    x (Tensor): The values, on a CPU.
    p (float): The share.
    RETURNS (Tensor): The values, larger by 1 / (1 - p) where they are kept.
    """
    seed = int(torch.randint(2**62, ()))
    # Each raw number has the bits of four values
    bits = numpy.random.SFC64(seed).random_raw(-(-x.numel() // 4))
    levels = bits.view(numpy.uint16)[: x.numel()]  # (x.numel(),)
    kept = torch.from_numpy(levels >= round(p * LEVELS)).view(x.shape)
    return x * kept.to(x.dtype).mul_(1.0 / (1.0 - p))


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    **options: Any,
) -> Tensor:
    """Calculate attention, with dropout by `drop`.

    query (Tensor): (n_texts, n_heads, length, width of a head).
    key (Tensor): The same.
    value (Tensor): The same.
    attn_mask (Tensor | None): What is added to the scores, (n_texts, 1, 1 or length,
        length).
    dropout_p (float): Share of the weights that is set to 0.
    options (Any): Further arguments of torch's function, which then does it all.
    RETURNS (Tensor): (n_texts, n_heads, length, width of a head).
    """
    is_added = attn_mask is None or attn_mask.is_floating_point()
    on_cpu = query.device.type == "cpu"
    if dropout_p == 0.0 or not is_added or not on_cpu or any(options.values()):
        return scaled_dot_product_attention(
            query, key, value, attn_mask=attn_mask, dropout_p=dropout_p, **options
        )
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
    if attn_mask is not None:
        scores = scores + attn_mask  # (n_texts, n_heads, length, length)
    return torch.matmul(drop(softmax(scores, dim=-1), dropout_p), value)


def use_fast_dropout(module: nn.Module) -> None:
    """Put `FastDropout` wherever a module has `nn.Dropout`.

    module (nn.Module): The module; it is changed. Its weights and their names stay.
    """
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout:
                setattr(parent, name, FastDropout(child.p))
