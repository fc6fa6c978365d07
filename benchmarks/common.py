"""What the benchmarks share: the machine, rounds of timing, files, tables."""

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "reports" / "benchmarks"
CPUINFO = Path("/proc/cpuinfo")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def describe_machine() -> dict[str, Any]:
    """RETURNS (dict[str, Any]): Processor, cores, threads of torch, load, system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    lines = CPUINFO.read_text("utf8").splitlines() if CPUINFO.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    flags = next((line for line in lines if line.startswith("flags")), "")
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, VNNI" if "vnni" in flags else name


def find_version(package: str) -> str | None:
    """RETURNS (str | None): Version of a package, None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def find_versions(packages: Iterable[str]) -> dict[str, str | None]:
    """RETURNS (dict[str, str | None]): Versions, None for what is not installed."""
    return {package: find_version(package) for package in packages}


def read_command() -> str:
    """RETURNS (str): The command line that this process was started with."""
    script = os.path.relpath(sys.argv[0], ROOT)
    return shlex.join(["python", script, *sys.argv[1:]])


def time_call(call: Callable[[], Any], clock: str = "wall") -> float:
    """Time a call.

    call (Callable): What is timed.
    clock (str): "wall", or "cpu" for the time of all threads of this process, which
        other processes disturb less. (With several threads their waiting counts too.)
    RETURNS (float): Seconds.
    """
    now = CLOCKS[clock]
    start = now()
    call()
    return now() - start


def run_rounds(
    timers: Mapping[str, Callable[[], float]],
    n_rounds: int,
    on_time: Callable[[str, float], None],
) -> dict[str, list[float]]:
    """Time systems in turn, round by round, so that a busy minute hits all of them.

    Each round begins with another system.

    timers (Mapping[str, Callable]): By system, what runs it and returns the seconds.
    n_rounds (int): Rounds.
    on_time (Callable): Told of each time.
    RETURNS (dict[str, list[float]]): Seconds of each round by system.
    """
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    names = list(timers)
    for i in range(n_rounds):
        first = i % len(names) if names else 0
        for name in names[first:] + names[:first]:
            seconds[name].append(timers[name]())
            on_time(name, seconds[name][-1])
    return seconds


def ratio_by_round(above: Sequence[float], below: Sequence[float]) -> float:
    """RETURNS (float): Median over the rounds of one time divided by another."""
    return median(a / b for a, b in zip(above, below, strict=True))


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    """Write figures, all or nothing.

    path (Path): The file.
    result (Mapping[str, Any]): The figures.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_suffix(".tmp")
    temp.write_text(json.dumps(result, indent=2) + "\n", encoding="utf8")
    temp.replace(path)


def put_block(docs: Path, name: str, lines: Sequence[str]) -> None:
    """Put a generated block between `<!-- name:start -->` and `<!-- name:end -->`.

    docs (Path): Markdown file with the two marks.
    name (str): Name of the block.
    lines (Sequence[str]): Its lines.
    RAISES (ValueError): If the file lacks the marks.
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    text = docs.read_text(encoding="utf8")
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"'{docs}' has no block from '{start}' to '{end}'")
    block = "\n".join([start, *lines, end])
    docs.write_text(before + block + after, encoding="utf8")


def make_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """RETURNS (list[str]): A Markdown table; all but the first column right."""
    lines = ["| " + " | ".join(header) + " |"]
    lines.append("|---|" + "---:|" * (len(header) - 1))
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def machine_line(result: Mapping[str, Any]) -> str:
    """RETURNS (str): What a table was measured on, for the line under it."""
    machine = result["machine"]
    versions = ", ".join(
        f"{name} {number}" for name, number in result["versions"].items() if number
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} "
        f"threads, load {machine['load_before']} before; {versions}."
    )
