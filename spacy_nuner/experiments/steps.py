"""The steps of a variant: the commands that a person would type, and what they make."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .config import Experiments
from .plan import CORPUS_STATS, Job

COMMAND = (sys.executable, "-m", "spacy_nuner")
CALIBRATION = "calibration.safetensors"
DONE = "done.json"


class Step(NamedTuple):
    """One command."""

    name: str
    arguments: list[str]
    makes: Path  # is there when the step is done
    folder: Path  # that it counts its seconds in

    @property
    def command(self) -> list[str]:
        """RETURNS (list[str]): The whole command."""
        return [*COMMAND, *self.arguments]


def list_steps(job: Job, experiments: Experiments) -> list[Step]:
    """List all steps of a variant, in their order.

    job (Job): The variant.
    experiments (Experiments): Paths, data sets, k and sets.
    RETURNS (list[Step]): Each is done if what it makes is there.
    """
    steps = [
        *_list_corpus_steps(job, experiments),
        *_list_training_steps(job, experiments),
    ]
    return [*steps, _make_evaluation(job, experiments)]


def _list_corpus_steps(job: Job, experiments: Experiments) -> list[Step]:
    steps = []
    recipe = job.variant.recipe
    if job.replies is not None:
        journal = job.source.with_name(job.source.name + ".sqlite")
        made, times = job.source / CORPUS_STATS, _beside(job.source)
        arguments = [experiments.paths.annotate, job.replies, "--output", journal]
        arguments += ["--paths.replies", job.replies]
        steps += [
            Step("annotate", _texts("annotate", *arguments), made, times),
            Step("corpus", _texts("corpus", journal, job.source), made, times),
        ]
    if job.corpus != job.source:
        wanted = {
            "--sentences": recipe.sentences,
            "--top-concepts": recipe.top_concepts,
            "--share": recipe.share,
            "--seed": recipe.seed,
        }
        options = [part for item in wanted.items() for part in item if item[1]]
        arguments = [job.source, "--output", job.corpus, *options]
        made = job.corpus / CORPUS_STATS
        words = _texts("subset", *arguments)
        steps.append(Step("subset", words, made, _beside(job.corpus)))
    return steps


def _list_training_steps(job: Job, experiments: Experiments) -> list[Step]:
    run, encoder = job.training / "run", job.encoder
    described = encoder / "nuner.json"
    arguments = [experiments.paths.pretrain, "--output", run]
    arguments += ["--paths.encoder", job.variant.recipe.encoder]
    for part in ("train", "dev"):
        arguments += [f"--paths.{part}", job.corpus / part]
    arguments += _overrides(job.variant.pretrain)
    exporting = [run / "best", encoder, "--overwrite"]
    measured = job.training / "calibration.json"
    calibrating = [encoder, job.corpus, "--output", measured]
    made = encoder / CALIBRATION
    return [
        Step("pretrain", _texts("pretrain", *arguments), described, job.training),
        Step("export", _texts("export", *exporting), described, job.training),
        Step("calibrate", _texts("calibrate", *calibrating), made, job.training),
    ]


def _make_evaluation(job: Job, experiments: Experiments) -> Step:
    paths, asked = experiments.paths, experiments.evaluate
    arguments = [paths.fewshot, "--encoder", job.encoder, "--output", job.cells]
    arguments += ["--k", ",".join(map(str, asked.k)), "--sets", asked.sets]
    arguments += ["--system", job.variant.recipe.system]
    arguments += ["--datasets-dir", paths.datasets, "--labels-dir", paths.labels]
    for name in job.datasets:
        arguments += ["--dataset", name]
    arguments += _overrides(job.variant.fewshot)
    made = job.cells / DONE
    return Step("evaluate", _texts("evaluate", *arguments), made, job.cells)


def _beside(corpus: Path) -> Path:
    """A folder for times: the corpus' own is replaced as a whole."""
    return corpus.with_name(corpus.name + ".times")


def _texts(*parts: Any) -> list[str]:
    return [str(part) for part in parts]


def _overrides(settings: Mapping[str, Any]) -> list[str]:
    """Settings as a command line has them."""
    parts = []
    for key, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value)
        # One word: a negative number would be taken for an option
        parts.append(f"--{key}={text}")
    return parts
