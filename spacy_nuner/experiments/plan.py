"""What is to be made for each variant: folders, named by what decides them.

The name is a hash. Variants that share a corpus or an encoder share its folder, so
nothing is trained twice.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .config import Ablation, Experiments, Variant
from .keys import (
    N_SHORT,
    IsDecisive,
    hash_dataset,
    hash_of,
    hash_path,
    read_settings,
)
from .settings import Check, check_variants

VARIANT = "variant.json"
CORPUS_STATS = "stats.json"


class Job(NamedTuple):
    """A variant and where its things are."""

    variant: Variant
    title: str
    table: str
    reference: str
    source: Path  # concept corpus that it starts from
    replies: Path | None  # recorded replies that the source is made of
    corpus: Path  # the source, or a subset of it
    training: Path  # folder with the checkpoints ("run") and the encoder
    cells: Path  # cells that are computed
    output: Path  # finished cells
    datasets: tuple[str, ...]
    key: str
    missing: str  # why it can't be run; "" if it can

    @property
    def encoder(self) -> Path:
        """RETURNS (Path): The exported encoder."""
        return self.training / "encoder"


def make_jobs(
    experiments: Experiments,
    is_decisive: IsDecisive,
    only: Sequence[str] = (),
    *,
    check: Check | None = None,
) -> list[Job]:
    """Check what the variants change; work out folders, keys, and what is missing.

    experiments (Experiments): From `read_experiments`.
    is_decisive (IsDecisive): Whether a setting of pretrain.cfg decides the weights.
    only (Sequence[str]): Ablations that are wanted; all if empty.
    check (Check | None): See `settings.check_variants`.
    RETURNS (list[Job]): In the order in which they are best run.
    RAISES (ValueError): If a variant changes a setting that is not there, or to a value
        that it can't have.
    """
    datasets = _find_datasets(experiments)
    ablations = [a for a in experiments.ablations if not only or a.name in only]
    check_variants(experiments, ablations, check)
    jobs = {}
    for ablation in ablations:
        for variant in ablation.variants:
            jobs[variant.label] = _make_job(
                experiments, ablation, variant, datasets, is_decisive
            )
    return [jobs[variant.label] for variant in order(ablations)]


def order(ablations: Sequence[Ablation]) -> list[Variant]:
    """Order variants so that a run that is cut short has told the most.

    First the references, then of each ablation the variant that is farthest from it
    in the file, and so on inwards: after two rounds each question has an answer.

    ablations (Sequence[Ablation]): The most telling first.
    RETURNS (list[Variant]): All variants.
    """
    queues = [_outside_in(ablation) for ablation in ablations]
    longest = max(map(len, queues), default=0)
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]


def _outside_in(ablation: Ablation) -> list[Variant]:
    names = [variant.name for variant in ablation.variants]
    place = names.index(ablation.reference)
    far = sorted(range(len(names)), key=lambda i: (i != place, -abs(i - place), i))
    return [ablation.variants[i] for i in far]


def _find_datasets(experiments: Experiments) -> tuple[str, ...]:
    folder = Path(experiments.paths.datasets)
    there = sorted(path.parent.name for path in folder.glob("*/meta.json"))
    wanted = experiments.evaluate.datasets or there
    return tuple(name for name in wanted if name in there)


def _make_job(
    experiments: Experiments,
    ablation: Ablation,
    variant: Variant,
    datasets: tuple[str, ...],
    is_decisive: IsDecisive,
) -> Job:
    paths, recipe = experiments.paths, variant.recipe
    work = Path(paths.work)
    given = Path(experiments.corpora[recipe.corpus])
    encoder = Path(recipe.encoder)
    missing = _find_missing(given, encoder, datasets, experiments)
    job = Job(
        variant=variant,
        title=ablation.title,
        table=ablation.table,
        reference=ablation.reference,
        source=given,
        replies=None,
        corpus=given,
        training=work,
        cells=work,
        output=Path(paths.output) / ablation.name / variant.name,
        datasets=datasets,
        key="",
        missing=missing,
    )
    if missing:
        return job
    source_key = hash_path(given / "train" if given.is_dir() else given)
    if given.is_dir():
        source_key = hash_of([source_key, hash_path(given / "dev")])
    else:
        short = source_key[:N_SHORT]
        at = work / "corpora" / f"{recipe.corpus}-{short}"
        job = job._replace(replies=given, source=at, corpus=at)
    wanted = recipe.sentences, recipe.top_concepts, recipe.share, recipe.seed
    if any(wanted[:3]):
        subset_key = hash_of([source_key, wanted])
        at = work / "corpora" / f"{recipe.corpus}-{subset_key[:N_SHORT]}"
        job = job._replace(corpus=at)
    else:
        subset_key = source_key
    pretrain = read_settings(Path(paths.pretrain), variant.pretrain, is_decisive)
    training_key = hash_of([subset_key, pretrain, hash_path(encoder)])
    labels = [Path(paths.labels) / f"{name}.yml" for name in datasets]
    cells_key = hash_of(
        [
            training_key,
            read_settings(Path(paths.fewshot), variant.fewshot, _always),
            recipe.system,
            {n: hash_dataset(Path(paths.datasets) / n) for n in datasets},
            {path.name: hash_path(path) for path in labels if path.is_file()},
            experiments.evaluate.k,
            experiments.evaluate.sets,
        ]
    )
    return job._replace(
        training=work / "encoders" / training_key[:N_SHORT],
        cells=work / "cells" / cells_key[:N_SHORT],
        key=cells_key,
    )


def _always(key: str) -> bool:
    return True


def _find_missing(
    corpus: Path, encoder: Path, datasets: Sequence[str], experiments: Experiments
) -> str:
    """RETURNS (str): Why a variant can't be run, in words; "" if it can."""
    if not (corpus.is_file() or (corpus / CORPUS_STATS).is_file()):
        return f"the corpus {corpus.as_posix()} is not there"
    if not (encoder / "config.json").is_file():
        return f"the encoder {encoder.as_posix()} is not there"
    if not datasets:
        return f"no data set in {experiments.paths.datasets}"
    return ""
