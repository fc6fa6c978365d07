"""CPU time and memory of a command with all the processes that it starts (Linux)."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
MIB = 2**20


class Usage(NamedTuple):
    """What a command took."""

    seconds: float  # by the clock on the wall
    cpu_seconds: float  # of all its processes
    cpu_parent: float  # of the first process alone
    mib_resident: float  # most of all processes together, shared pages counted in each
    mib_proportional: float  # the same, each shared page counted once


def run_command(command: Sequence[str], *, every: float = 0.25) -> Usage:
    """Run a command and look at its processes now and then.

    command (Sequence[str]): The command.
    every (float): Seconds between two looks. What a process did after the last look
        at it is missed.
    RETURNS (Usage): What it took.
    RAISES (subprocess.CalledProcessError): If it fails.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    cpu: dict[int, float] = {}
    resident = proportional = 0.0
    while process.poll() is None:
        memory = [0.0, 0.0]
        for pid in find_tree(process.pid):
            try:
                fields = (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1]
                rollup = (PROC / str(pid) / "smaps_rollup").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended since it was found
            user, system = fields.split()[11:13]
            cpu[pid] = (int(user) + int(system)) / TICK
            for i, name in enumerate(("Rss:", "Pss:")):
                memory[i] += _read_kib(rollup, name) * 1024 / MIB
        resident, proportional = (
            max(resident, memory[0]),
            max(proportional, memory[1]),
        )
        time.sleep(every)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(
        round(time.perf_counter() - start, 2),
        round(sum(cpu.values()), 2),
        round(cpu.get(process.pid, 0.0), 2),
        round(resident, 1),
        round(proportional, 1),
    )


def find_tree(pid: int) -> list[int]:
    """RETURNS (list[int]): A process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in (PROC / str(parent) / "task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended since it was found
    return found


def _read_kib(text: str, name: str) -> int:
    line = next((line for line in text.splitlines() if line.startswith(name)), "x 0")
    return int(line.split()[1])
