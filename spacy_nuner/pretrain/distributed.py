"""One run in many processes: how they meet, what joins them, how a loss is told."""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import Errors
from .checkpoint import get_file, read_header
from .model import ContrastiveModel, get_shims
from .portion import ConceptSharing, Portion
from .pulse import Pulse
from .world import World

# One process prepares what all need, and that may take longer than any step
PATIENCE = timedelta(days=1)


def wrap_towers(model: ContrastiveModel) -> None:
    """Let the processes average their gradients, and start from the same weights.

    model (Model): The contrastive model.
    """
    known = inspect.signature(DistributedDataParallel).parameters
    # torch 2.13 gave the option another name
    name = "forward_sync_buffers"
    options: dict[str, Any] = {name if name in known else "broadcast_buffers": False}
    for shim in get_shims(model):
        if any(parameter.requires_grad for parameter in shim.module.parameters()):
            wrapped = DistributedDataParallel(
                cast(nn.Module, shim.call), gradient_as_bucket_view=True, **options
            )
            shim.replace(wrapped, hold=wrapped.no_sync)


@contextmanager
def join(
    *, concepts: ConceptSharing, timeout: int, on_gpu: bool, checkpoint: Path
) -> Iterator[World]:
    """Join the other processes of the run, if torchrun has started any.

    concepts (ConceptSharing): Whose concepts a token is compared with.
    timeout (int): Seconds that a process waits for another one.
    on_gpu (bool): Whether vectors and gradients are on GPUs.
    checkpoint (Path): Folder of the checkpoint to go on from, for the message.
    YIELDS (World): The processes.
    RAISES (ConnectionError): If one does not come, or is lost on the way. The threads
        of gloo may go on waiting then: the program should end itself by `os._exit`.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield World(Portion(concepts=concepts))
        return
    world, pulse = _connect(concepts, timedelta(seconds=timeout), on_gpu)
    try:
        yield world
        # None is done before the first one has written all files
        world.wait()
    except RuntimeError as error:
        if not is_lost_connection(error):
            raise
        lost, step = pulse.find_lost(), 0
        if get_file(checkpoint).exists():
            step = read_header(checkpoint).progress.step
        message = Errors.N321 if lost else Errors.N322
        text = message.format(
            ranks=", ".join(str(rank) for rank in lost),
            size=world.size,
            seconds=timeout,
            step=step,
            # What gloo says after it is no help
            error=str(error).split(". ", 1)[0],
        )
        raise ConnectionError(text) from error
    finally:
        pulse.stop()
    dist.destroy_process_group()


def _connect(
    concepts: ConceptSharing, timeout: timedelta, on_gpu: bool
) -> tuple[World, Pulse]:
    try:
        store, rank, size = next(dist.rendezvous("env://", timeout=timeout))
        # The store may outlive a group that torchrun starts anew
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = dist.PrefixStore(attempt, store)
        dist.init_process_group(
            # Arrays of numpy go by one way, those of a GPU by the other
            "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
            store=dist.PrefixStore("group", store),
            rank=rank,
            world_size=size,
            timeout=timeout,
        )
        patient = dist.new_group(backend="gloo", timeout=PATIENCE)
        pulse = Pulse(dist.PrefixStore("pulse", store), rank=rank, size=size)
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        at = {"address": address, "seconds": timeout.total_seconds(), "error": error}
        raise ConnectionError(Errors.N320.format(**at)) from error
    local_rank = int(os.environ.get("LOCAL_RANK", rank))
    world = World(Portion(rank, size, concepts), local_rank, patient)
    return world, pulse


def is_lost_connection(error: BaseException) -> bool:
    """Tell whether an error comes from waiting for another process.

    error (BaseException): The error.
    RETURNS (bool): Whether it does.
    """
    if isinstance(error, dist.DistError):
        return True
    # gloo has no error class of its own
    text = str(error).lower()
    return any(word in text for word in ("gloo", "nccl", "connection"))
