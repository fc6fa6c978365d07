"""Run what is not finished, for as long as there is time."""

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from thinc.api import Config

from ..errors import Errors
from .child import read_tail, run_child
from .config import Experiments
from .estimate import BASE, SIZE, Rates, add_seconds, estimate, measure_rates
from .plan import Job
from .record import is_finished, publish
from .sizes import count_train
from .steps import COMMAND, DONE, Step, list_steps

logger = logging.getLogger(__name__)

LOGS = "logs"
COMPARISON = "comparison.json"


class Outcome(NamedTuple):
    """What a run came to."""

    n_finished: int  # in this run
    n_before: int  # finished when it began
    n_left: int
    missing: list[str]  # variants that can't be run, with the reason
    failed: list[str]  # in words
    seconds_left: float | None  # that the others will take; None: not known


class _Stopped(Exception):
    """The time is over, or a stop was wished for."""


class Runner:
    """One run over all variants."""

    def __init__(
        self,
        jobs: Sequence[Job],
        experiments: Experiments,
        *,
        minutes: float,
        should_stop: Callable[[], bool],
    ) -> None:
        self.jobs, self.experiments = jobs, experiments
        self.deadline = time.monotonic() + 60 * minutes if minutes else None
        self.wish = should_stop
        self.logs = Path(experiments.paths.work) / LOGS

    def run(self) -> Outcome:
        """Run.

        RETURNS (Outcome): What was done, and what is left.
        """
        missing = [f"{job.variant.label}: {job.missing}" for job in self._missing()]
        able = [job for job in self.jobs if not job.missing]
        todo = [job for job in able if not is_finished(job)]
        n_before, n_finished = len(able) - len(todo), 0
        failed: list[str] = []
        changed = set()
        while todo and not self._should_stop():
            job = self._pick(todo)
            todo.remove(job)
            place = f"[{len(able) - len(todo)}/{len(able)}] {job.variant.label}"
            try:
                self._run_job(job, place)
            except _Stopped:
                logger.info("%s: stopped; the same command goes on from here", place)
                todo.insert(0, job)
                break
            except RuntimeError as error:
                logger.warning("%s", error)
                failed.append(str(error))
                continue
            n_finished += 1
            changed.add(job.variant.ablation)
        for ablation in sorted(changed):
            self._compare(ablation)
        rates = measure_rates(self.experiments)
        times = [self._estimate(job, rates) for job in todo]
        known = [seconds for seconds in times if seconds is not None]
        left = sum(known) if len(known) == len(times) else None
        return Outcome(n_finished, n_before, len(todo), missing, failed, left)

    def list_times(self) -> list[float | None]:
        """RETURNS (list[float | None]): Seconds that each variant will take, if known;
        None for those that can't be run."""
        rates = measure_rates(self.experiments)
        return [None if j.missing else self._estimate(j, rates) for j in self.jobs]

    def _missing(self) -> list[Job]:
        return [job for job in self.jobs if job.missing]

    def _should_stop(self) -> bool:
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return late or self.wish()

    def _pick(self, todo: Sequence[Job]) -> Job:
        """The first that fits into the time; if none does, the first: it goes on later.

        Nothing begun is lost, so there is no time too short for a long variant.
        """
        if self.deadline is None:
            return todo[0]
        left = self.deadline - time.monotonic()
        rates = measure_rates(self.experiments)
        for job in todo:
            seconds = self._estimate(job, rates)
            if seconds is None or seconds <= left:
                return job
        return todo[0]

    def _estimate(self, job: Job, rates: Rates) -> float | None:
        size = count_train(job), self._n_epochs(job)
        return estimate(job, self.experiments, rates, *size)

    def _n_epochs(self, job: Job) -> int:
        key = "pretrain.max_epochs"
        config = Config().from_disk(self.experiments.paths.pretrain, interpolate=False)
        return int(job.variant.pretrain.get(key, config["pretrain"]["max_epochs"]))

    def _run_job(self, job: Job, place: str) -> None:
        seconds = self._estimate(job, measure_rates(self.experiments))
        if seconds is not None:
            logger.info("%s: about %s", place, say_seconds(seconds))
        for step in list_steps(job, self.experiments):
            if step.makes.exists():
                continue
            if self._should_stop():
                raise _Stopped
            self._run_step(step, job, place)
        publish(job, self.experiments)

    def _run_step(self, step: Step, job: Job, place: str) -> None:
        logger.info("%s: %s", place, step.name)
        log = self.logs / f"{job.variant.ablation}.{job.variant.name}.log"
        ended = run_child(step.command, log, self._should_stop)
        facts = {}
        if step.name == "pretrain":
            facts = {
                SIZE: count_train(job) * self._n_epochs(job),
                BASE: job.variant.recipe.encoder,
            }
        add_seconds(step.folder, step.name, ended.seconds, **facts)
        if ended.stopped:
            raise _Stopped
        if ended.code:
            raise RuntimeError(
                Errors.N704.format(
                    step=step.name,
                    variant=job.variant.label,
                    code=ended.code,
                    log=log,
                    tail=read_tail(log),
                )
            )
        if step.name == "export":
            _clear_run(job.training)
        if step.name == "evaluate":
            (job.cells / DONE).write_text("{}\n")

    def _compare(self, ablation: str) -> None:
        """Test the finished variants of an ablation against each other."""
        names = [
            job.variant.name
            for job in self.jobs
            if job.variant.ablation == ablation and is_finished(job)
        ]
        if len(names) < 2:
            return
        folder = Path(self.experiments.paths.output) / ablation
        arguments = ["compare", str(folder), *names, "--output"]
        arguments += [str(folder / COMPARISON), "--datasets-dir"]
        arguments += [self.experiments.paths.datasets]
        log = self.logs / f"{ablation}.compare.log"
        logger.info("%s: compare", ablation)
        # A minute at most, and what the run was made for
        ended = run_child([*COMMAND, *arguments], log, self.wish)
        if ended.code:
            logger.warning("%s: not compared, see %s", ablation, log)


def _clear_run(training: Path) -> None:
    """Delete checkpoints, some twenty times the encoder; the log stays."""
    run = training / "run"
    if (run / "log.jsonl").is_file():
        shutil.move(run / "log.jsonl", training / "log.jsonl")
    shutil.rmtree(run)


def say_seconds(seconds: float) -> str:
    """RETURNS (str): A time in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
