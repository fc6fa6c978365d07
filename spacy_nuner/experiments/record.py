"""Put the cells of a finished variant in their place, with what they were made of."""

import json
import platform
import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .config import Experiments
from .estimate import BASE, SIZE, read_seconds
from .plan import CORPUS_STATS, VARIANT, Job

FORMAT = 1
PACKAGES = ("spacy-nuner", "spacy", "torch", "transformers", "numpy")
# Of stats.json; the tail of the concepts is long
CORPUS_FACTS = (
    "n_sentences",
    "n_train",
    "n_dev",
    "n_words",
    "n_mentions",
    "n_concepts",
    "n_concepts_once",
)


def is_finished(job: Job) -> bool:
    """RETURNS (bool): Whether the variant's cells are there, made of the same."""
    path = job.output / VARIANT
    try:
        return bool(json.loads(path.read_text(encoding="utf8")).get("key") == job.key)
    except (OSError, ValueError):
        return False


def publish(job: Job, experiments: Experiments) -> None:
    """Copy the cells to `<output>/<ablation>/<variant>/<dataset>/k<k>/seed<s>.json`.

    So an ablation is an experiment whose systems are its variants, and `spacy-nuner
    compare` compares them. The folder gets its name when all is in it.

    job (Job): The variant, all of whose steps are done.
    experiments (Experiments): What it was tested on.
    """
    beside = job.output.with_name(job.output.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(job.cells / job.variant.recipe.system, beside)
    for path in beside.rglob("seed*.json"):
        cell = json.loads(path.read_text(encoding="utf8"))
        cell |= {"experiment": job.variant.ablation, "system": job.variant.name}
        path.write_text(json.dumps(cell, ensure_ascii=False) + "\n", encoding="utf8")
    text = json.dumps(describe(job, experiments), ensure_ascii=False, indent=1)
    (beside / VARIANT).write_text(text + "\n", encoding="utf8")
    shutil.rmtree(job.output, ignore_errors=True)
    beside.rename(job.output)


def describe(job: Job, experiments: Experiments) -> dict[str, Any]:
    """Say what a variant is and what it was made of.

    job (Job): The variant.
    experiments (Experiments): What it was tested on.
    RETURNS (dict[str, Any]): The content of `variant.json`.
    """
    stats = _read(job.corpus / CORPUS_STATS)
    encoder = _read(job.encoder / "nuner.json")
    epochs = [
        record
        for record in _read_lines(job.training / "log.jsonl")
        if "dev_loss" in record
    ]
    seconds = {**read_seconds(job.training), **read_seconds(job.cells)}
    for name in (SIZE, BASE):
        seconds.pop(name, None)
    return {
        "format": FORMAT,
        "key": job.key,
        "ablation": job.variant.ablation,
        "variant": job.variant.name,
        "title": job.title,
        "table": job.table,
        "reference": job.reference,
        "changes": job.variant.changes,
        "corpus": {name: stats.get(name) for name in CORPUS_FACTS}
        | {"name": job.variant.recipe.corpus, "source": stats.get("source")},
        "encoder": Path(job.variant.recipe.encoder).name,
        "n_layers": encoder.get("n_layers"),
        "width": encoder.get("width"),
        "n_steps": encoder.get("step"),
        "system": job.variant.recipe.system,
        "pretraining": epochs[-1] if epochs else None,
        "datasets": list(job.datasets),
        "k": experiments.evaluate.k,
        "sets": experiments.evaluate.sets,
        "seconds": seconds,
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {name: _version(name) for name in PACKAGES},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf8")))


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
