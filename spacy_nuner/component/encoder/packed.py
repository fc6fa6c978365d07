"""An encoder whose matrices lie in memory as the CPU multiplies them fastest.

Predictions only. torch multiplies by a weight as it lies, row by row; oneDNN, which
torch brings along, can lay it out anew for its kernels. torch's own compiler does this
too, but takes minutes and a C++ compiler. Measured in benchmarks/inference.py.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from .states import JoinedStates

# For about how many sub-tokens the layout is chosen; any number can be multiplied
N_ITEMS = 512


class PackedLinear(nn.Linear):
    """A linear layer with a second, packed copy of its weight."""

    packed: Tensor

    @classmethod
    def of(cls, layer: nn.Linear) -> "PackedLinear":
        """Pack a layer; its own weight and bias are shared, not copied.

        layer (nn.Linear): The layer, on the CPU, in single precision.
        RETURNS (PackedLinear): One that computes the same.
        """
        self = cls(layer.in_features, layer.out_features, bias=False, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        weight = layer.weight.detach()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, N_ITEMS)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Multiply.

        x (Tensor): (…, in_features).
        RETURNS (Tensor): (…, out_features).
        """
        bias: Any = self.bias
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, bias, "none", [], "")


def can_pack(encoder: JoinedStates) -> bool:
    """RETURNS (bool): Whether oneDNN is there and the encoder is one for it."""
    first = next(encoder.parameters())
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and first.device.type == "cpu"
        and first.dtype == torch.float32
    )


def pack(encoder: JoinedStates) -> JoinedStates:
    """Pack the linear layers of an encoder.

    encoder (JoinedStates): The encoder; it stays as it is.
    RETURNS (JoinedStates): One for predictions that shares all weights with it, and has
        packed copies of its matrices. When the weights change, pack again.
    """
    tensors = [*encoder.parameters(), *encoder.buffers()]
    shared: dict[int, Any] = {id(tensor): tensor for tensor in tensors}
    packed = deepcopy(encoder, shared).eval()
    for module in list(packed.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:  # not one that a family has altered
                setattr(module, name, PackedLinear.of(child))
    return packed
