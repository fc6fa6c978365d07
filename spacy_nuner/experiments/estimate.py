"""How long a variant will take, from what has been measured on this machine."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from .config import Experiments
from .plan import Job
from .steps import Step, list_steps

SECONDS = "seconds.json"
# Beside the seconds of a training: sentences times epochs, and the base encoder
SIZE, BASE = "size", "base"


class Rates(NamedTuple):
    """What was measured. None: nothing yet."""

    pretrain: dict[str, float]  # seconds for a sentence and epoch, by base encoder
    fallback: float | None  # the same, of the training before
    others: dict[str, float]  # seconds of a step, by its name


def add_seconds(folder: Path, name: str, seconds: float, **facts: Any) -> None:
    """Add the time of a step to what it took before it was stopped.

    folder (Path): That of the step.
    name (str): Of the step.
    seconds (float): Time since.
    facts (Any): What else is worth knowing of the step.
    """
    path = folder / SECONDS
    known = json.loads(path.read_text()) if path.is_file() else {}
    known[name] = round(known.get(name, 0.0) + seconds, 1)
    folder.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps(known | facts, indent=1) + "\n")
    beside.replace(path)


def read_seconds(folder: Path) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): Seconds by step, as `add_seconds` left them."""
    path = folder / SECONDS
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def measure_rates(experiments: Experiments) -> Rates:
    """Read what finished steps took.

    experiments (Experiments): For its paths.
    RETURNS (Rates): Medians.
    """
    work = Path(experiments.paths.work)
    pretrain: dict[str, list[float]] = {}
    others: dict[str, list[float]] = {}
    for path in sorted(work.glob(f"*/*/{SECONDS}")):
        known = read_seconds(path.parent)
        if "pretrain" in known and known.get(SIZE):
            rate = known["pretrain"] / known[SIZE]
            pretrain.setdefault(known[BASE], []).append(rate)
        for name, seconds in known.items():
            if name not in ("pretrain", SIZE, BASE):
                others.setdefault(name, []).append(seconds)
    return Rates(
        {name: median(values) for name, values in pretrain.items()},
        _read_log(experiments.paths.log),
        {name: median(values) for name, values in others.items()},
    )


def _read_log(log: str | None) -> float | None:
    if log is None or not Path(log).is_file():
        return None
    speeds = []
    for line in Path(log).read_text(encoding="utf8").splitlines():
        try:
            speed = json.loads(line).get("sentences_per_second")
        except ValueError:
            # The last line of a run that was killed
            continue
        if speed:
            speeds.append(float(speed))
    return 1 / median(speeds) if speeds else None


def estimate(
    job: Job, experiments: Experiments, rates: Rates, n_sentences: int, n_epochs: int
) -> float | None:
    """Say how many seconds the steps that are left will take.

    job (Job): The variant.
    experiments (Experiments): For its steps.
    rates (Rates): From `measure_rates`.
    n_sentences (int): Of the training part.
    n_epochs (int): Of the training.
    RETURNS (float | None): Seconds; None if a step was never measured.
    """
    steps = [s for s in list_steps(job, experiments) if not s.makes.exists()]
    return _sum(_estimate_step(s, job, rates, n_sentences * n_epochs) for s in steps)


def _estimate_step(step: Step, job: Job, rates: Rates, size: int) -> float | None:
    if step.name != "pretrain":
        return rates.others.get(step.name)
    rate = rates.pretrain.get(job.variant.recipe.encoder, rates.fallback)
    if rate is None:
        return None
    spent = float(read_seconds(job.training).get("pretrain", 0.0))
    return max(rate * size - spent, 0.0)


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else sum(v for v in known if v is not None)
