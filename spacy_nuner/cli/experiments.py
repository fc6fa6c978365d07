"""`spacy-nuner experiments`: variants of the recipe -> cells of the ablations."""

import json
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from spacy_nuner.experiments.config import Experiments, Variant
    from spacy_nuner.experiments.plan import Job
    from spacy_nuner.experiments.run import Outcome


def experiments(
    config: Path = typer.Argument(
        ..., help="What is compared: configs/sample/experiments.cfg."
    ),
    minutes: float = typer.Option(
        60.0, min=0, help="End after so many minutes, whatever is left; 0: no limit."
    ),
    only: list[str] = typer.Option(
        [], help="Only this ablation; repeat for several. Default: all."
    ),
    show: bool = typer.Option(
        False, "--list", help="Say what is finished and what is left, and do nothing."
    ),
) -> None:
    """Run the ablations: pre-train, export and test each variant of the recipe.

    What tells most comes first. Finished variants are skipped: they are known by the
    hash of all that they are made of. Stop it with Ctrl-C at any moment, or by
    --minutes: the same command goes on where it stopped, in the middle of a training.
    Settings of all variants are checked before anything runs, and with --list.
    'spacy-nuner tables' shows what came of it.

    Exit codes: 0 all is done or the time is over; 1 a variant failed; 130 stopped by
    Ctrl-C.
    """
    from spacy_nuner.cli.pretrain import stop_on_interrupt
    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.experiments.config import read_experiments
    from spacy_nuner.experiments.lock import holding
    from spacy_nuner.experiments.plan import make_jobs
    from spacy_nuner.experiments.run import Runner
    from spacy_nuner.pretrain.settings import is_decisive

    try:
        content = read_experiments(config)
        names = [ablation.name for ablation in content.ablations]
        for name in only:
            if name not in names:
                raise ValueError(Errors.N703.format(got=name, allowed=", ".join(names)))
        check = partial(_check_variant, content)
        jobs = make_jobs(content, is_decisive, only, check=check)
        if show:
            _list(jobs, content)
            return
        with holding(Path(content.paths.work)), stop_on_interrupt() as should_stop:
            runner = Runner(jobs, content, minutes=minutes, should_stop=should_stop)
            outcome = runner.run()
            wished = should_stop()
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    _say(outcome)
    if wished:
        raise typer.Exit(130)
    if outcome.failed:
        raise typer.Exit(1)


def _check_variant(content: "Experiments", variant: "Variant") -> None:
    """Read the configs as the steps of a variant will, and build what can be."""
    from spacy_nuner.evaluate.plan import pick_systems
    from spacy_nuner.pretrain.settings import load_settings

    load_settings(Path(content.paths.pretrain), variant.pretrain)
    pick_systems([variant.recipe.system])
    _check_fewshot(Path(content.paths.fewshot), json.dumps(variant.fewshot))


@cache
def _check_fewshot(path: Path, changes: str) -> None:
    from spacy.util import registry

    from spacy_nuner.component.settings import CHOICES, check_choice
    from spacy_nuner.evaluate.features import PIPE
    from spacy_nuner.evaluate.frozen import read_config, read_recipe
    from spacy_nuner.evaluate.heads import make_pipe
    from spacy_nuner.evaluate.tuned import trains_encoder
    from spacy_nuner.experiments.settings import check_argument, list_arguments

    config = read_config(path, json.loads(changes)).interpolate()
    # The encoder itself is not read
    registry.resolve({"model": config["components"]["transformer"]["model"]})
    arguments = list_arguments(make_pipe(config).initialize) or {}
    start = config["initialize"]["components"].get(PIPE, {})
    for option, value in start.items():
        value = None if isinstance(value, dict) else value
        where = f"[initialize.components.{PIPE}]"
        if problem := check_argument(option, value, where, arguments):
            raise ValueError(f"{option}: {problem}")
    check_choice("start", start.get("start", "random"), CHOICES["start"])
    if not trains_encoder(config):
        read_recipe(config).make_optimizer()


def _list(jobs: "list[Job]", content: "Experiments") -> None:
    from spacy_nuner.cli.show import msg
    from spacy_nuner.experiments.record import is_finished
    from spacy_nuner.experiments.run import Runner, say_seconds

    times = Runner(jobs, content, minutes=0, should_stop=lambda: False).list_times()
    rows = []
    for job in jobs:
        if job.missing:
            msg.warn(f"{job.variant.label} can't be run: {job.missing}")
    for job, seconds in zip(jobs, times, strict=True):
        state = "to do" if not job.training.exists() else "begun"
        if job.missing:
            state = "can't be run"
        elif is_finished(job):
            state = "finished"
        left = "" if seconds is None or state == "finished" else say_seconds(seconds)
        changes = ", ".join(f"{k} = {v}" for k, v in job.variant.changes.items())
        rows.append((job.variant.label, changes or "–", state, left))
    header = ("variant", "what is changed", "state", "about")
    msg.table(rows, header=header, divider=True)


def _say(outcome: "Outcome") -> None:
    from spacy_nuner.cli.show import msg
    from spacy_nuner.experiments.run import say_seconds

    for line in outcome.missing:
        msg.warn(f"Left out: {line}")
    for line in outcome.failed:
        msg.fail(line)
    done = f"{outcome.n_finished} variants finished, {outcome.n_before} were before"
    if outcome.n_left:
        left = outcome.seconds_left
        told = "" if left is None else f", about {say_seconds(left)}"
        msg.warn(f"{done}; {outcome.n_left} left{told}", "The same command goes on.")
    else:
        msg.good(f"{done}: look at them with 'spacy-nuner tables'")
