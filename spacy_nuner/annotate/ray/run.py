"""Annotate texts with many workers, on one machine or on many."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

from tqdm import tqdm

from spacy_nuner.annotate.annotator import Annotator
from spacy_nuner.annotate.ask import Stop, Tally
from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.annotate.money import find_max_tokens
from spacy_nuner.annotate.ray.cluster import import_ray
from spacy_nuner.annotate.ray.ledger import BudgetTerms, Progress
from spacy_nuner.annotate.ray.limits import share_limits
from spacy_nuner.annotate.ray.pool import RaySettings, run_workers
from spacy_nuner.annotate.ray.shards import join_shards, name_folder
from spacy_nuner.annotate.ray.tasks import Plan, plan_tasks
from spacy_nuner.annotate.ray.worker import WorkerSettings
from spacy_nuner.annotate.run import (
    AnnotateResult,
    CheckedTexts,
    TextSource,
    check_texts,
    make_display,
)
from spacy_nuner.annotate.second_pass import make_missed_questions
from spacy_nuner.errors import Errors


def annotate_on_ray(
    annotator: Annotator,
    texts: TextSource,
    output: Path,
    settings: RaySettings,
    *,
    config: Path,
    overrides: dict[str, Any],
    max_failures: int = 20,
    budget: float | None = None,
    turn: Literal[1, 2] = 1,
) -> AnnotateResult:
    """Do as `annotate_texts`, with many workers.

    The texts are cut into tasks. Each has a journal of its own, a shard, which another
    worker goes on with if one dies; all are joined into the journal in the end. A run
    that was killed has left its shards, and the next one begins with joining them.

    annotator (Annotator): From the same config.
    texts (TextSource): Gives the texts, each time the same.
    output (Path): The journal. All machines must see its folder by the same path.
    settings (RaySettings): How many workers, and where.
    config (Path): Each worker builds its model from it.
    overrides (dict[str, Any]): Of the config.
    max_failures (int): Stop after so many failed texts, if they are a tenth or more.
    budget (float | None): What this journal may cost in all.
    turn (Literal[1, 2]): 2: ask for what the replies of the first turn missed.
    RETURNS (AnnotateResult): What was asked, what was there, what failed.
    RAISES (RuntimeError): If `max_failures` texts failed, a model gave up, another run
        writes the journal, or Ray is not there or failed.
    RAISES (ValueError): If a text is bad, the texts change on the way, a budget has no
        prices, or the model can't be shared.
    """
    if budget is not None and annotator.prices is None:
        raise ValueError(Errors.N147)
    import_ray()
    share_limits(annotator.section, settings.n_workers)
    check = check_texts(texts())
    output = output.resolve()
    folder = name_folder(output)
    with (
        Journal(output) as journal,
        tqdm(total=check.n_texts, unit=" texts", desc="annotate", disable=None) as bar,
    ):
        join_shards(journal, folder)
        again = CheckedTexts(texts())
        questions = (
            annotator.make_questions(again)
            if turn == 1
            else make_missed_questions(annotator, journal, again)
        )
        # so many that no worker goes without
        size = min(settings.task_size, -(-check.n_texts // settings.n_workers))
        plan = plan_tasks(annotator, journal, questions, folder, size=size)
        if again.check != check:
            raise ValueError(
                Errors.N148.format(before=check.n_texts, after=again.check.n_texts)
            )
        show = _make_display(make_display(bar, annotator.prices), plan)
        show(Progress())
        tally = Tally(n_before=plan.n_before)
        settings = settings._replace(n_workers=min(settings.n_workers, len(plan.tasks)))
        try:
            if plan.tasks:
                progress = run_workers(
                    plan.tasks,
                    settings,
                    _make_worker(annotator, config, overrides, settings, budget),
                    max_failures=max_failures,
                    budget=_make_terms(annotator, journal, budget),
                    show=show,
                )
                show(progress)
                tally.stopped = cast(Stop, progress.stopped)
        finally:
            # after errors, too: what came is paid for
            joined = join_shards(journal, folder)
        tally.n_asked, tally.n_failed, tally.first_error, tally.usage = joined
        if tally.stopped == "failures":
            raise RuntimeError(
                Errors.N106.format(n=tally.n_failed, error=tally.first_error)
            )
        total = journal.get_usage(annotator.model_name)
    return AnnotateResult(tally, check.n_texts, total)


def _make_worker(
    annotator: Annotator,
    config: Path,
    overrides: dict[str, Any],
    settings: RaySettings,
    budget: float | None,
) -> WorkerSettings:
    shares = share_limits(annotator.section, settings.n_workers)
    prefix = f"components.{annotator.name}.model"
    own = {f"{prefix}.{name}": value for name, value in shares.items()}
    return WorkerSettings(
        config.resolve(), {**overrides, **own}, Path.cwd(), budget is not None
    )


def _make_terms(
    annotator: Annotator, journal: Journal, limit: float | None
) -> BudgetTerms | None:
    if limit is None or annotator.prices is None:
        return None
    return BudgetTerms(
        limit,
        annotator.prices,
        journal.get_usage(annotator.model_name),
        find_max_tokens(annotator.settings),
    )


def _make_display(
    display: Callable[[Tally], None], plan: Plan
) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        n_asked = progress.n_done - progress.n_failed
        display(Tally(n_asked, plan.n_before, progress.n_failed, usage=progress.usage))

    return show
