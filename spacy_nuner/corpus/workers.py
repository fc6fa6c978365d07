"""Processes that work at once, and whose work comes back in order."""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

from ..errors import Errors

# Imported once in the process that workers are forked from, and shared by them
PRELOADED = "spacy_nuner.corpus.make"

ItemT = TypeVar("ItemT")
OutT = TypeVar("OutT")


class Here(Executor):
    """Does all work at once in this process."""

    def submit(
        self, fn: Callable[..., OutT], /, *args: Any, **kwargs: Any
    ) -> Future[OutT]:
        """RETURNS (Future[OutT]): What the call has returned."""
        future: Future[OutT] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def start_workers(n: int) -> Iterator[Executor]:
    """Start processes; when the block ends, however it ends, they are gone.

    n (int): How many; 1: work is done in this process.
    YIELDS (Executor): Does the work.
    RAISES (ChildProcessError): If a worker dies.
    """
    if n == 1:
        yield Here()
        return
    # Forked from a process that has read spaCy and done nothing else: workers start
    # at once and share its memory
    has_fork = sys.platform != "win32"
    context = get_context("forkserver" if has_fork else "spawn")
    if has_fork:
        context.set_forkserver_preload([PRELOADED])
    pool = ProcessPoolExecutor(n, mp_context=context, initializer=_follow_parent)
    try:
        yield pool
    except BrokenProcessPool:
        raise ChildProcessError(Errors.N243.format(n=n)) from None
    finally:
        pool.shutdown(cancel_futures=True)


def map_in_order(
    workers: Executor,
    call: Callable[[list[ItemT]], OutT],
    items: Iterable[ItemT],
    *,
    size: int,
    ahead: int,
) -> Iterator[OutT]:
    """Have chunks of items worked on, some of them at once.

    workers (Executor): Do the work.
    call (Callable): Takes a chunk; it has to be known by name to other processes.
    items (Iterable[ItemT]): The items, read as they are needed.
    size (int): Items in a chunk.
    ahead (int): Chunks that may be worked on, or wait to be fetched.
    YIELDS (OutT): What the calls return, in the order of the items.
    """
    waiting: deque[Future[OutT]] = deque()
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        waiting.append(workers.submit(call, chunk))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def count_cores() -> int:
    """RETURNS (int): Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, which stops its workers; end when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
