"""Lack of memory: how it is told from other errors, and what is said of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

from ..errors import Errors

# torch's allocator on a CPU and the libraries of CUDA have no error class of their own
FULL = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")

ResultT = TypeVar("ResultT")


class OutOfMemory(MemoryError):
    """Memory ran out, nothing more can be tried, and the message says what to do."""


@dataclass(frozen=True)
class Lack:
    """What comes back from a call that memory was not enough for."""

    problem: str


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out.

    error (BaseException): The error.
    RETURNS (bool): Whether it does.
    """
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return any(phrase in str(error) for phrase in FULL)


def free_cache() -> None:
    """Let torch give back to the GPU what it keeps and doesn't use."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def attempt(call: Callable[[], ResultT]) -> ResultT | Lack:
    """Call something that memory may not be enough for.

    call (Callable): What to call.
    RETURNS (Any | Lack): Its result; or why there is none. What the call held is free
        then.
    """
    try:
        return call()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        lack = Lack(str(error) or type(error).__name__)
    # Only here, behind the error and its frames
    free_cache()
    return lack


@contextmanager
def explain_lack() -> Iterator[None]:
    """Make one error with a message of what lack of memory leads to.

    RAISES (OutOfMemory): If memory runs out within.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        problem = str(error) or type(error).__name__
        raise OutOfMemory(Errors.N388.format(error=problem)) from error
