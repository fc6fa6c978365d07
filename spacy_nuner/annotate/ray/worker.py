"""A worker: an actor of Ray that asks the questions of one task after another."""

import os
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.annotator import Annotator, load_annotator
from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.ask import Asker, Tally
from spacy_nuner.annotate.ray.ledger import SharedBudget
from spacy_nuner.annotate.ray.shards import open_shard
from spacy_nuner.annotate.ray.tasks import name_shard, read_task
from spacy_nuner.errors import Errors

_SECONDS_PER_REPORT: Final = 0.5
# What kills one worker after another may be in the task
_MAX_BEGUN: Final = 10


class WorkerSettings(NamedTuple):
    """What each worker needs."""

    config: Path
    overrides: dict[str, Any]  # with this worker's part of the limits
    cwd: Path  # relative paths of the config begin here
    has_budget: bool


class Worker:
    """Asks the questions of tasks, each with a journal of its own, the shard.

    Ray starts it anew if it dies and gives it the same task again; what the shard holds
    is not asked again.
    """

    def __init__(self, settings: WorkerSettings, ledger: Any) -> None:
        """Keep the arguments: what fails later can be told in a line.

        settings (WorkerSettings): The same for all workers.
        ledger (Any): Handle of the actor `Ledger`.
        """
        import ray

        self._ray = ray
        self._settings = settings
        self._ledger = ledger
        self._annotator: Annotator | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Work on a task.

        row (dict[str, Any]): With the path of its questions, "task".
        RETURNS (dict[str, Any]): The same and "error", why the run makes no sense any
            more; "" if it does.
        """
        try:
            self._work(Path(row["task"]))
        except (OSError, RuntimeError, ValueError) as error:
            # the others needn't find out by themselves
            self._ray.get(self._ledger.stop.remote("error"))
            return {**row, "error": str(error) or type(error).__name__}
        return {**row, "error": ""}

    def _work(self, path: Path) -> None:
        if self._ray.get(self._ledger.look.remote()).stopped:
            return
        if self._annotator is None:
            os.chdir(self._settings.cwd)
            self._annotator = load_annotator(
                self._settings.config, self._settings.overrides
            )
        with open_shard(name_shard(path)) as shard:
            spent = shard.get_usage(self._annotator.model_name)
            n_begun = self._ray.get(self._ledger.begin.remote(path.name, spent))
            if not n_begun:
                return
            if n_begun > _MAX_BEGUN:
                raise RuntimeError(Errors.N155.format(n=_MAX_BEGUN, task=path))
            reporter = _Reporter(self._ray, self._ledger, path.name, spent)
            budget = None
            if self._settings.has_budget:
                budget = SharedBudget(self._ray, self._ledger, path.name)
            asker = Asker(
                self._annotator,
                shard,
                max_failures=sys.maxsize,  # the ledger counts those of all
                budget=budget,
                on_change=reporter,
            )
            tally = asker.ask(read_task(path))
            reporter.report(tally)
        if tally.stopped == "budget":
            self._ray.get(self._ledger.stop.remote("budget"))


class _Reporter:
    """Tells the ledger how far a task is, now and then, and hears whether to stop."""

    def __init__(self, ray: Any, ledger: Any, task: str, spent: Usage) -> None:
        self._ray = ray
        self._ledger = ledger
        self._task = task
        self._spent = spent  # before this worker took the task
        self._last = time.monotonic()
        self._n_failed = 0

    def __call__(self, tally: Tally) -> None:
        late = time.monotonic() - self._last > _SECONDS_PER_REPORT
        if late or tally.n_failed > self._n_failed:
            self.report(tally)

    def report(self, tally: Tally) -> None:
        """Report now.

        tally (Tally): Of the task; is stopped if the run is.
        """
        self._last, self._n_failed = time.monotonic(), tally.n_failed
        usage = Usage(
            self._spent.prompt_tokens + tally.usage.prompt_tokens,
            self._spent.completion_tokens + tally.usage.completion_tokens,
        )
        goes_on = self._ray.get(
            self._ledger.report.remote(self._task, tally.n_done, tally.n_failed, usage)
        )
        if not goes_on:
            tally.stopped = tally.stopped or "interrupted"
