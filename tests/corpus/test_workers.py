import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spacy_nuner.corpus.workers import map_in_order, start_workers

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
RUN = """
import sys, time
from spacy_nuner.corpus.workers import map_in_order, start_workers
from tests.corpus.test_workers import tell_and_sleep
if __name__ == "__main__":
    with start_workers(2) as workers:
        for _ in map_in_order(workers, tell_and_sleep, [sys.argv[1]] * 2, size=1,
                              ahead=2):
            pass
"""


def double(chunk: list[int]) -> list[int]:
    # The first are ready last
    time.sleep(0.05 if chunk[0] < 3 else 0)
    return [2 * number for number in chunk]


def refuse(chunk: list[int]) -> None:
    raise ValueError(f"not {chunk}")


def die(chunk: list[int]) -> None:
    os._exit(3)


def tell_and_sleep(chunk: list[str]) -> None:
    (Path(chunk[0]) / str(os.getpid())).touch()
    time.sleep(0.5 if signal.getsignal(signal.SIGINT) == signal.SIG_IGN else 60)
    (Path(chunk[0]) / f"{os.getpid()}.done").touch()
    time.sleep(60 if "wait" in chunk[0] else 0)


@pytest.mark.parametrize("n", [1, 2])
def test_results_come_in_order_and_items_as_needed(n: int) -> None:
    taken: list[int] = []
    fetched: list[int] = []

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    with start_workers(n) as workers:
        for found in map_in_order(workers, double, items(), size=3, ahead=2):
            fetched += found
            assert len(taken) <= len(fetched) + 2 * 3
    assert fetched == [2 * number for number in range(20)]


@pytest.mark.parametrize("n", [1, 2])
def test_errors_come_through(n: int) -> None:
    with (
        pytest.raises(ValueError, match=r"not \[0, 1\]"),
        start_workers(n) as workers,
    ):
        list(map_in_order(workers, refuse, range(9), size=2, ahead=2))


def test_a_dead_worker_is_said() -> None:
    with (
        pytest.raises(ChildProcessError, match=r"N243.*2 worker.*--jobs"),
        start_workers(2) as workers,
    ):
        list(map_in_order(workers, die, range(9), size=2, ahead=2))


@LINUX
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_is_left(tmp_path: Path, sent: signal.Signals) -> None:
    """Ctrl-C lets them finish their chunk; after kill -9 they end by themselves."""
    folder = tmp_path / ("wait" if sent == signal.SIGKILL else "stop")
    folder.mkdir()
    command = [sys.executable, "-c", RUN, str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: len(list(folder.iterdir())) >= 2, 60)
    pids = [int(path.stem) for path in folder.iterdir()]
    # All of the terminal's foreground processes get Ctrl-C
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 20)
    if sent == signal.SIGINT:
        assert len(list(folder.glob("*.done"))) == 2
        assert said.count(b"KeyboardInterrupt") == 1


def wait_for(is_so, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
