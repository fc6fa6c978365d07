"""Run a command in a process of its own, so that memory ends with it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

# Seconds to write a checkpoint and end, after the first wish; then once more; then none
GRACE = (180.0, 20.0, 5.0)
SIGNALS = (signal.SIGINT, signal.SIGINT, signal.SIGKILL)
PAUSE = 0.2
N_TAIL = 12


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    stopped: bool  # whether it was asked to stop
    seconds: float


def run_child(
    command: Sequence[str], log: Path, should_stop: Callable[[], bool]
) -> Ended:
    """Run a command to its end, or until it is asked to stop.

    It has a group of its own: Ctrl-C on the terminal reaches it through this function
    alone, once, and its workers with it.

    command (Sequence[str]): Program and arguments.
    log (Path): What it says is added to this file.
    should_stop (Callable[[], bool]): Asked several times a second.
    RETURNS (Ended): Its exit code.
    """
    begin = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(f"\n$ {' '.join(command)}\n".encode())
        file.flush()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        stopped = False
        try:
            while child.poll() is None:
                if should_stop():
                    stopped = True
                    break
                time.sleep(PAUSE)
        finally:
            _end(child)
    return Ended(child.returncode, stopped, time.monotonic() - begin)


def _end(child: subprocess.Popen[bytes]) -> None:
    for number, seconds in zip(SIGNALS, GRACE, strict=True):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def read_tail(log: Path, n_lines: int = N_TAIL) -> str:
    """RETURNS (str): The last lines of a log, progress bars left out."""
    text = log.read_text(encoding="utf8", errors="replace")
    lines = [line.split("\r")[-1].rstrip() for line in text.splitlines()]
    return "\n".join([line for line in lines if line][-n_lines:])
