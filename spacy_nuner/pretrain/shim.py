"""A torch tower inside thinc: precision, gradients, updates in place."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, cast, get_args

import torch
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch
from torch import Tensor, nn

from ..errors import Errors
from ..hf import Encoder, update_in_place
from .compiled import compile_layers
from .dropout import FastAttention, use_fast_dropout
from .optimizer import AdamW
from .scale import LossScale

Precision = Literal["fp32", "bf16", "fp16"]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TowerShim(PyTorchShim):
    """Runs one of the two encoders and hands its gradient on.

    thinc's own shim knows half precision on a GPU only, and wraps every weight anew in
    each step, which tears the heap of a long run to pieces.
    """

    def __init__(
        self,
        model: Encoder,
        *,
        precision: Precision = "fp32",
        compiled: bool = False,
        loss_scale: LossScale | None = None,
    ) -> None:
        """Wrap an encoder.

        model (Encoder): The encoder.
        precision (Precision): What the encoder computes in. Weights, loss and optimizer
            stay in single precision.
        compiled (bool): Whether torch.compile is used; it makes dropout of its own.
        loss_scale (LossScale | None): What the gradient is multiplied with on its way
            back; `unscale` in `step.py` takes it out again. None: nothing.
        RAISES (ValueError): For a precision that is not known.
        """
        if precision not in get_args(Precision):
            allowed = ", ".join(get_args(Precision))
            raise ValueError(Errors.N315.format(got=precision, allowed=allowed))
        super().__init__(model)
        if compiled:
            compile_layers(model)
        else:
            use_fast_dropout(model)
        self.precision = precision
        self.compiled = compiled
        self.loss_scale = loss_scale
        self.call: Callable[..., Tensor] = model
        self.hold: Callable[[], AbstractContextManager[None]] = nullcontext

    @property
    def module(self) -> nn.Module:
        """The encoder itself."""
        return cast(nn.Module, self._model)

    def replace(
        self,
        call: Callable[..., Tensor],
        *,
        hold: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Run the encoder through a wrapper around it.

        call (Callable): What is called in its place, e.g. DistributedDataParallel.
        hold (Callable): Makes a context; the gradient of what is encoded within is not
            told to other processes yet.
        """
        self.call, self.hold = call, hold

    # A shim of ours takes what it needs, not torch's ArgsKwargs
    def predict(self, inputs: ArgsKwargs) -> Floats2d:
        """Encode without a gradient.

        inputs (ArgsKwargs): Arguments of the encoder.
        RETURNS (Floats2d): Vectors, (n_rows, width).
        """
        self.module.eval()
        with torch.inference_mode():
            output = self._encode(self.module, inputs)
        return cast(Floats2d, torch2xp(output))

    def begin_update(
        self, inputs: ArgsKwargs
    ) -> tuple[Floats2d, Callable[[Floats2d], list[Any]]]:
        """Encode with dropout and keep what the gradient needs.

        inputs (ArgsKwargs): Arguments of the encoder.
        RETURNS (tuple[Floats2d, Callable]): Vectors, (n_rows, width); the function
            that takes their gradient.
        """
        self.module.train()
        vectors = self._encode(self.call, inputs)

        def backprop(d_vectors: Floats2d) -> list[Any]:
            if vectors.requires_grad:
                gradient = xp2torch(d_vectors, device=vectors.device)
                if self.loss_scale is not None:
                    gradient = gradient * self.loss_scale.value
                torch.autograd.backward(vectors, gradient)
            return []

        return cast(Floats2d, torch2xp(vectors.detach())), backprop

    def autocast(self) -> torch.autocast:
        """Make the context in which the encoder computes.

        RETURNS (torch.autocast): The context manager.
        """
        dtype = DTYPES.get(self.precision)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)

    def _encode(self, call: Callable[..., Tensor], inputs: ArgsKwargs) -> Tensor:
        attention = nullcontext() if self.compiled else FastAttention()
        with self.autocast(), attention:
            output = call(*inputs.args, **inputs.kwargs)
        return output.float()

    @property
    def gradients(self) -> dict[tuple[int, str], tuple[Tensor, Tensor]]:
        """Weights that have a gradient, and it, by the key that an optimizer knows."""
        return {
            (self.id, name): (parameter, parameter.grad)
            for name, parameter in self.module.named_parameters()
            if parameter.grad is not None
        }

    def forget(self) -> None:
        """Throw the gradients away."""
        self.module.zero_grad(set_to_none=True)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Take a step with the gradients.

        optimizer (Optimizer): The optimizer.
        """
        if not isinstance(optimizer, AdamW):
            update_in_place(self.module, optimizer, key=self.id)
            return
        found = self.gradients
        weights, gradients = zip(*found.values(), strict=True) if found else ((), ())
        optimizer.update(list(found), weights, gradients)
        self.forget()
