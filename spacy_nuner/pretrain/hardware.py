"""What a run was computed on: a record for each start of it, for the cards."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from .log import TrainLog
from .world import World

RUNS = "runs.jsonl"


@contextmanager
def recording(output: Path, world: World, *, on_gpu: bool) -> Iterator[None]:
    """Time what is done within, and write it down with the machine, however it ends.

    output (Path): Folder of the run; `runs.jsonl` in it gets a line.
    world (World): The processes; the first one writes.
    on_gpu (bool): Whether it is computed on a GPU.
    """
    begin = time.perf_counter()
    try:
        yield
    finally:
        if world.is_first:
            seconds = time.perf_counter() - begin
            record = {"hardware": describe(world.size, on_gpu=on_gpu)}
            TrainLog(output / RUNS).write(record | {"seconds": seconds})


def describe(n_processes: int, *, on_gpu: bool) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The machine, its device, the number of processes."""
    device = "CPU"
    if on_gpu:
        device = torch.cuda.get_device_name(torch.cuda.current_device())
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "device": device,
        "processes": n_processes,
        "torch": torch.__version__,
    }
