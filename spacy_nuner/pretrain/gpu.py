"""The GPU that a run computes on."""

import torch
from thinc.api import require_gpu
from thinc.compat import has_cupy_gpu, has_torch_cuda_gpu

from ..errors import Errors


def use_gpu(number: int) -> None:
    """Compute on a GPU from now on.

    number (int): Which one, from 0.
    RAISES (ValueError): If it can't be used.
    """
    try:
        require_gpu(number)
    except (ValueError, RuntimeError) as error:
        raise ValueError(Errors.N384.format(number=number, error=error)) from None
    if has_cupy_gpu and not has_torch_cuda_gpu:
        # thinc would go on, with its arrays on the GPU and the encoders beside it
        problem = f"torch {torch.__version__} finds none"
        raise ValueError(Errors.N384.format(number=number, error=problem))
