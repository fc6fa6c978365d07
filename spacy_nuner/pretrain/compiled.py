"""torch.compile for the layers that are trained."""

import os
import shutil

from ..errors import Errors
from ..hf import Encoder, find_layers

# What torch looks for, unless CXX names another one
COMPILERS = ("g++", "clang++", "c++", "cl")


def compile_layers(encoder: Encoder) -> None:
    """Have torch compile each trained layer of an encoder when it first runs.

    Layer by layer: all have the same code, so it is compiled once, and names of weights
    and the way to start above frozen layers stay as they are.

    encoder (Encoder): The encoder; it is changed.
    RAISES (ValueError): If torch would find no C++ compiler, on a CPU.
    """
    device = next(encoder.parameters()).device
    if device.type == "cpu" and not has_compiler():
        raise ValueError(Errors.N360.format(names=", ".join(COMPILERS)))
    for layer in find_layers(encoder.model)[encoder.n_frozen_layers :]:
        layer.compile(dynamic=True)


def has_compiler() -> bool:
    """RETURNS (bool): Whether there is a C++ compiler."""
    names = (os.environ["CXX"],) if os.environ.get("CXX") else COMPILERS
    return any(shutil.which(name) for name in names)
