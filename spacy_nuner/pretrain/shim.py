"""A torch tower inside thinc: precision, gradients, updates in place."""

from collections.abc import Callable
from typing import Any, Literal, cast, get_args

import torch
from thinc.api import ArgsKwargs, Optimizer, PyTorchGradScaler, PyTorchShim
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch
from torch import Tensor, nn

from ..errors import Errors
from ..hf import update_in_place

Precision = Literal["fp32", "bf16", "fp16"]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TowerShim(PyTorchShim):
    """Runs one of the two encoders and hands its gradient on.

    thinc's own shim knows half precision on a GPU only, and wraps every weight anew in
    each step, which tears the heap of a long run to pieces.
    """

    def __init__(
        self, model: nn.Module, *, precision: Precision = "fp32", compiled: bool = False
    ) -> None:
        """Wrap an encoder.

        model (nn.Module): The encoder.
        precision (Precision): What the encoder computes in. Weights, loss and optimizer
            stay in single precision; "fp16" scales the loss.
        compiled (bool): Whether torch.compile is used.
        RAISES (ValueError): For a precision that is not known.
        """
        if precision not in get_args(Precision):
            allowed = ", ".join(get_args(Precision))
            raise ValueError(Errors.N315.format(got=precision, allowed=allowed))
        scaler = PyTorchGradScaler(enabled=precision == "fp16")
        super().__init__(model, grad_scaler=scaler)
        self.precision = precision
        self._call: Callable[..., Tensor] = (
            torch.compile(model, dynamic=True) if compiled else model
        )

    @property
    def module(self) -> nn.Module:
        """The encoder itself."""
        return cast(nn.Module, self._model)

    def replace(self, call: Callable[..., Tensor]) -> None:
        """Run the encoder through a wrapper around it.

        call (Callable): What is called in its place, e.g. DistributedDataParallel.
        """
        self._call = call

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
        vectors = self._encode(self._call, inputs)

        def backprop(d_vectors: Floats2d) -> list[Any]:
            if vectors.requires_grad:
                gradient = xp2torch(d_vectors, device=vectors.device)
                (scaled,) = self._grad_scaler.scale([gradient])
                torch.autograd.backward(vectors, scaled)
            return []

        return cast(Floats2d, torch2xp(vectors.detach())), backprop

    def autocast(self) -> torch.autocast:
        """Make the context in which the encoder computes.

        RETURNS (torch.autocast): The context manager.
        """
        dtype = DTYPES.get(self.precision)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)

    def _encode(self, call: Callable[..., Tensor], inputs: ArgsKwargs) -> Tensor:
        with self.autocast():
            output = call(*inputs.args, **inputs.kwargs)
        return output.float()

    def unscale(self) -> bool:
        """Take the scale of the loss out of the gradients, once per step.

        RETURNS (bool): Whether they are finite. If not, the step is to be skipped: the
            scale was too large, and is smaller from now on.
        """
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        return not self._grad_scaler.unscale(gradients)

    def forget(self) -> None:
        """Throw the gradients away."""
        self.module.zero_grad(set_to_none=True)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Take a step with the gradients.

        optimizer (Optimizer): The optimizer.
        """
        update_in_place(self.module, optimizer, key=self.id)
        self._grad_scaler.update()
