"""Workers on Ray Data: tasks in, what became of them out."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.interrupt import finishing_on_signals
from spacy_nuner.annotate.ray.cluster import running_ray
from spacy_nuner.annotate.ray.ledger import BudgetTerms, Ledger, Progress
from spacy_nuner.annotate.ray.worker import Worker, WorkerSettings
from spacy_nuner.errors import Errors

_SECONDS_PER_LOOK: Final = 0.5


class RaySettings(NamedTuple):
    """How a run is spread."""

    n_workers: int
    task_size: int = 2_000  # texts
    address: str | None = None  # of a cluster; None: RAY_ADDRESS, or this machine


def run_workers(
    tasks: list[Path],
    settings: RaySettings,
    worker: WorkerSettings,
    *,
    max_failures: int,
    budget: BudgetTerms | None,
    show: Callable[[Progress], None],
) -> Progress:
    """Have all tasks worked on.

    A worker that dies is replaced by Ray, and its task begun again.

    tasks (list[Path]): From `plan_tasks`.
    settings (RaySettings): How many workers, and where.
    worker (WorkerSettings): What each of them needs.
    max_failures (int): Stop after so many failed texts, if they are a tenth or more.
    budget (BudgetTerms | None): Of all workers.
    show (Callable[[Progress], None]): Called now and then, in another thread.
    RETURNS (Progress): Where the run stood when it ended.
    RAISES (RuntimeError): With the first worker's message if one gave up; or if Ray is
        not there or failed.
    """
    interrupted = threading.Event()
    with running_ray(settings.n_workers, settings.address) as ray:
        make_ledger = ray.remote(num_cpus=0)(Ledger)
        ledger = make_ledger.remote(max_failures=max_failures, budget=budget)
        dataset = ray.data.from_items(
            [{"task": str(path)} for path in tasks], override_num_blocks=len(tasks)
        ).map(
            Worker,
            fn_constructor_args=(worker, ledger),
            # a task that waits for a busy worker is one that an idle one can't take
            compute=ray.data.ActorPoolStrategy(
                size=settings.n_workers, max_tasks_in_flight_per_actor=1
            ),
            num_cpus=1,
        )
        try:
            with (
                finishing_on_signals(interrupted.set),
                _watching(ray, ledger, interrupted, show),
            ):
                rows = list(dataset.iter_rows())
            progress: Progress = ray.get(ledger.look.remote())
        except ray.exceptions.RayError as error:
            raise RuntimeError(Errors.N152.format(error=error)) from error
    if errors := [row["error"] for row in rows if row["error"]]:
        raise RuntimeError(errors[0])
    return progress


@contextmanager
def _watching(
    ray: Any,
    ledger: Any,
    interrupted: threading.Event,
    show: Callable[[Progress], None],
) -> Iterator[None]:
    """Show the progress, and tell the workers of Ctrl-C, in a thread."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SECONDS_PER_LOOK):
            try:
                show(ray.get(ledger.look.remote()))
                if interrupted.is_set():
                    ray.get(ledger.stop.remote("interrupted"))
            except ray.exceptions.RayError:
                return  # the main thread meets it, too, and tells

    thread = threading.Thread(target=watch, name="spacy-nuner-ray", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
