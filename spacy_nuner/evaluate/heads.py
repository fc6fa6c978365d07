"""Heads on arrays: train one, score it; one after another or in several processes."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import spacy
from spacy.util import registry
from thinc.api import Config, NumpyOps, Optimizer, get_current_ops, use_ops
from thinc.types import Ragged

from ..errors import Errors
from .data import Gold, Ints, score_tags
from .features import PIPE, Vectors

# Rows of the test set whose scores are computed at once: stays in the processor's cache
CHUNK = 8192
# Starting processes takes as long as some dozen small heads
MIN_TASKS = 12
# Threads of a matrix product, where the other processes keep the other cores busy
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Recipe(NamedTuple):
    """How a head is trained, as the config says."""

    optimizer: dict[str, Any]  # section of the config
    n_steps: int

    def make_optimizer(self) -> Optimizer:
        """RETURNS (Optimizer): A fresh optimizer.
        RAISES (ValueError): If it averages parameters, which a head does not follow.
        """
        sgd = registry.resolve({"optimizer": self.optimizer})["optimizer"]
        if sgd.averages is not None:
            raise ValueError(Errors.N506)
        return sgd


class Task(NamedTuple):
    """One head: what it learns from and what it is tested on. Can be pickled."""

    train: Path  # vectors on disk
    train_rows: Ints
    train_lengths: Ints  # tokens of each sentence
    tags: Ints | None  # of these rows, -1 where there is none to learn; None: zero-shot
    test: Path
    test_rows: Ints | None  # None: all
    gold: Gold  # of the tested rows; its documents are not needed
    subset: tuple[Ints, Gold] | None  # tested rows to score apart, and their gold
    labels: list[str]
    recipe: Recipe
    label_vectors: Vectors | None  # one per label, for the concept start
    encoder: Path | None = None  # folder whose calibration is used
    whiten: bool = True  # whether its whitening is, too
    columns: tuple[int, int] | None = None  # of the vectors; None: all


def without_docs(gold: Gold) -> Gold:
    """RETURNS (Gold): The arrays alone."""
    return gold._replace(docs=[])


def make_pipe(config: Config) -> Any:
    """Build the pipe of a config for use on arrays, without an encoder.

    config (Config): Config of `spacy train`.
    RETURNS (Pipe): The pipe, its head not started.
    """
    config = config.interpolate()
    settings = {k: v for k, v in config["components"][PIPE].items() if k != "factory"}
    with _own_ops():
        nlp = spacy.blank(config["nlp"]["lang"])
        return nlp.add_pipe(PIPE, config=settings)


@contextmanager
def _own_ops() -> Iterator[None]:
    """Numpy's matrix product instead of thinc's: faster for so few columns."""
    ops = get_current_ops()
    if type(ops) is NumpyOps:
        with use_ops("numpy", use_blis=False):
            yield
    else:
        yield


def run_task(pipe: Any, task: Task) -> dict[str, Any]:
    """Train and score one head.

    pipe (Pipe): From `make_pipe`; its head is started again.
    task (Task): What to do.
    RETURNS (dict[str, Any]): See `metrics.score`; and "seconds".
    """
    begin = time.perf_counter()
    rows: Any = _read_rows(task.train, task.train_rows, task)
    lengths: Any = task.train_lengths
    X = Ragged(rows, lengths)
    pipe.begin(
        X,
        task.tags,
        task.labels,
        label_vectors=task.label_vectors,
        encoder=task.encoder,
        whiten=task.whiten,
    )
    if task.tags is not None:
        sgd = task.recipe.make_optimizer()
        pipe.train_head(X, task.tags, sgd=sgd, n_steps=task.recipe.n_steps)
    ids = tag_tokens(pipe, task)
    figures = score_tags(task.gold, ids, pipe.tags, task.labels)
    if task.subset is not None:
        rows, gold = task.subset
        short = score_tags(gold, ids[rows], pipe.tags, task.labels)
        names = ("token_macro_f1", "entity_micro_f1")
        figures["subset_ner_v3"] = {name: short[name] for name in names}
    return figures | {"seconds": time.perf_counter() - begin}


def tag_tokens(pipe: Any, task: Task) -> Ints:
    """Tag the tokens to test on, chunks of whole sentences at a time.

    pipe (Pipe): A pipe with a trained head.
    task (Task): The task.
    RETURNS (Ints): Tag of each token, (n_tokens,).
    """
    gold = task.gold
    rows = np.arange(len(gold.types)) if task.test_rows is None else task.test_rows
    ids: list[Ints] = [np.zeros(0, dtype="int64")]
    offsets = gold.offsets
    first = 0
    while first < len(gold.lengths):
        last = int(np.searchsorted(offsets, offsets[first] + CHUNK, side="right")) - 1
        last = max(last, first + 1)
        part = slice(int(offsets[first]), int(offsets[last]))
        lengths = gold.lengths[first:last]
        probs = pipe.tag_scores(_read_rows(task.test, rows[part], task), lengths)
        spaces = (gold.is_space[part], gold.is_break[part])
        ids.append(pipe.decode(probs, lengths, spaces))
        first = last
    return np.concatenate(ids)


def _read_rows(path: Path, rows: Ints, task: Task) -> Vectors:
    vectors = np.load(path, mmap_mode="r")
    if task.columns is not None:
        vectors = vectors[:, slice(*task.columns)]
    return np.ascontiguousarray(vectors[rows])


class Runner:
    """Runs tasks here, or, where there are many, in several processes."""

    def __init__(self, config: Config, *, n_process: int) -> None:
        """Set up; processes are started when they are needed.

        config (Config): Config of `spacy train`.
        n_process (int): Number of processes; 0 for one per core, up to 8.
        """
        self.config = config
        self.n_process = n_process or min(8, len(os.sched_getaffinity(0)))
        self._pipe: Any = None
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *details: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Run tasks.

        tasks (Sequence[Task]): The tasks.
        YIELDS (tuple[int, dict[str, Any]]): Index of a task and its figures, as they
            are finished.
        """
        if self.n_process == 1 or (self._pool is None and len(tasks) < MIN_TASKS):
            self._pipe = self._pipe or make_pipe(self.config)
            for i, task in enumerate(tasks):
                yield i, run_task(self._pipe, task)
            return
        if self._pool is None:
            self._pool = self._start()
        futures = {self._pool.submit(_work, task): i for i, task in enumerate(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()

    def _start(self) -> ProcessPoolExecutor:
        before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update({name: "1" for name in THREADS})
        try:
            pool = ProcessPoolExecutor(
                self.n_process,
                mp_context=get_context("spawn"),
                initializer=_start_worker,
                initargs=(self.config.to_str(), os.getpid()),
            )
            # Processes start with the first tasks and read the variables then
            for _ in pool.map(_is_ready, range(2 * self.n_process)):
                pass
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        return pool


_worker: dict[str, Any] = {}


def _start_worker(config: str, parent: int) -> None:
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    _worker["pipe"] = make_pipe(Config().from_str(config, interpolate=False))


def _leave_with(parent: int) -> None:
    """End this process when its parent was killed: nobody waits for it any more."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _is_ready(number: int) -> int:
    time.sleep(0.05)
    return number


def _work(task: Task) -> dict[str, Any]:
    return run_task(_worker["pipe"], task)
