"""GLiNER and SpanMarker as systems: their entities, scored as those of all others."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy.tokens import Doc
from tqdm import tqdm

from ...errors import Errors
from ..cells import FIGURES_VERSION, cell_path, is_finished, write_cell
from ..data import Dataset, Gold, load_dataset, sha256_of, sha256_of_folder
from ..draw import draw_set
from ..figures import score_entities
from ..pairs import read_pair
from ..phrases import read_phrases
from ..predictions import Predictions, hash_gold

WORKER = Path(__file__).with_name("worker.py")
SYSTEMS = ("gliner", "span_marker")


class Setup(NamedTuple):
    """Which system, and how it's run."""

    system: str  # one of SYSTEMS
    model: Path  # its folder; with `ks` the encoder that SpanMarker is trained from
    output: Path  # folder of the experiment
    labels_dir: Path  # `<dataset>.yml`: labels in plain words
    python: Path = Path(sys.executable)  # of the environment that has the package
    name: str = ""  # row of the report; "": the system's
    ks: Sequence[int] = ()  # k~2k sets to train SpanMarker on; none: as it is
    n_sets: int = 1
    threshold: float = 0.5
    batch_size: int = 8
    n_epochs: int = 10


class Result(NamedTuple):
    """What was done."""

    n_computed: int
    n_skipped: int
    warnings: list[str]  # what was cut or left out, in words


class _Task(NamedTuple):
    dataset: Path
    k: int
    seed: int


def run_others(setup: Setup, datasets: Sequence[Path]) -> Result:
    """Compute the cells that are not finished.

    setup (Setup): Which system, and how it's run.
    datasets (Sequence[Path]): Folders of data sets.
    RETURNS (Result): Counts, and what to warn of.
    RAISES (ValueError): For an unknown system, a set that can't be drawn, or if the
        package is missing or of another version.
    RAISES (RuntimeError): If the package fails.
    """
    if setup.system not in SYSTEMS:
        allowed = ", ".join(SYSTEMS)
        raise ValueError(Errors.N509.format(got=setup.system, allowed=allowed))
    if setup.ks and setup.system != "span_marker":
        raise ValueError(Errors.N585.format(system=setup.system))
    if not setup.model.is_dir():
        raise FileNotFoundError(Errors.N001.format(what="model", path=setup.model))
    cases = [(k, seed) for k in setup.ks for seed in range(setup.n_sets)] or [(0, 0)]
    tasks = [_Task(path, k, seed) for path in datasets for k, seed in cases]
    model_sha256 = sha256_of_folder(setup.model)
    loaded: dict[Path, Dataset] = {}
    warnings: list[str] = []
    n_computed = n_skipped = 0
    for task in tqdm(tasks, desc=setup.system, unit="cell", disable=None):
        if task.dataset not in loaded:
            loaded[task.dataset] = load_dataset(task.dataset)
        dataset = loaded[task.dataset]
        if task.k and dataset.zero_shot_only:
            warnings.append(f"{dataset.name}: not to be learned from, left out")
            continue
        told = _run_task(setup, task, dataset, model_sha256)
        if told is None:
            n_skipped += 1
        else:
            n_computed += 1
            warnings += told
    return Result(n_computed, n_skipped, warnings)


def _run_task(
    setup: Setup, task: _Task, dataset: Dataset, model_sha256: str
) -> list[str] | None:
    """Write one cell. RETURNS: What to warn of; None if the cell was finished."""
    start = time.perf_counter()
    row = setup.name or setup.system
    place = {"dataset": dataset.name, "k": task.k, "seed": task.seed}
    path = cell_path(setup.output, system=row, **place)  # type: ignore[arg-type]
    phrases = read_phrases(setup.labels_dir / f"{dataset.name}.yml", dataset.labels)
    settings: dict[str, Any] = {
        "system": setup.system,
        "model": setup.model.name,
        "labels": {label: phrase.name for label, phrase in phrases.items()},
        "threshold": setup.threshold,
        "batch_size": setup.batch_size,
    }
    indices: list[int] = []
    if task.k:
        indices = draw_set(dataset, k=task.k, seed=task.seed)
        settings["training"] = {"n_epochs": setup.n_epochs, "seed": task.seed}
    key = sha256_of([FIGURES_VERSION, dataset.sha256, model_sha256, settings, indices])
    if is_finished(path, key):
        return None
    spec = settings | {"model": str(setup.model.resolve())}
    spec["texts"] = [doc.text.rstrip() for doc in dataset.test.docs]
    if indices:
        spec["train"] = make_tags(dataset.pool, indices)
    with tempfile.TemporaryDirectory() as folder:
        outcome = ask_worker(Path(folder), spec, python=setup.python)
        pair = read_pair(task.dataset, Path(folder) / "predictions.jsonl")
    learned = [dataset.pool.docs[i] for i in indices]
    cell = {
        "key": key,
        "experiment": setup.output.name,
        "system": row,
        **place,
        **score_entities(dataset.test, pair.spans, dataset.labels),
        "n_moved": pair.n_moved,
        "n_dropped": pair.n_dropped,
        "n_train_sentences": len(indices),
        "n_train_entities": sum(len(doc.ents) for doc in learned),
        "train_indices": indices,
        "n_test_sentences": len(dataset.test.docs),
        "sampler": "k2k" if indices else "none",
        "settings": settings,
        "outcome": outcome,
        "seconds": time.perf_counter() - start,
    }
    gold_sha256 = hash_gold(dataset.test, dataset.labels)
    write_cell(path, cell, Predictions(pair.spans, key, gold_sha256))
    return _tell(dataset.name, outcome)


def ask_worker(folder: Path, spec: dict[str, Any], *, python: Path) -> dict[str, Any]:
    """Let the package work in a process of its own.

    folder (Path): An empty folder; gets `predictions.jsonl`.
    spec (dict[str, Any]): As `worker.py` says.
    python (Path): Python of the environment that has the package.
    RETURNS (dict[str, Any]): Version, seconds and counts.
    RAISES (FileNotFoundError): If there is no such Python.
    RAISES (ValueError): If the package is missing or of another version.
    RAISES (RuntimeError): If it fails; with the end of what it said.
    """
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf8")
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        done = subprocess.run(
            [python, WORKER, folder],
            capture_output=True,
            text=True,
            errors="replace",
            env=os.environ | quiet,
        )
    except OSError as error:
        what = f"Python ({error.strerror})"
        raise FileNotFoundError(Errors.N001.format(what=what, path=python)) from None
    file = folder / "outcome.json"
    if not file.is_file():
        raise RuntimeError(
            Errors.N587.format(system=spec["system"], said=done.stderr.strip()[-1500:])
        )
    outcome: dict[str, Any] = json.loads(file.read_text(encoding="utf8"))
    if "refused" in outcome:
        raise ValueError(
            Errors.N586.format(
                system=spec["system"], python=python, problem=outcome["refused"]
            )
        )
    return outcome


def make_tags(gold: Gold, indices: Sequence[int]) -> list[dict[str, list[str]]]:
    """Words and BIO tags of sentences; white space is no word.

    gold (Gold): The pool.
    indices (Sequence[int]): Sentences of it.
    RETURNS (list[dict[str, list[str]]]): "tokens" and "tags" of each.
    """
    return [_make_tags(gold.docs[i]) for i in indices]


def _make_tags(doc: Doc) -> dict[str, list[str]]:
    tags = ["O"] * len(doc)
    for ent in doc.ents:
        tags[ent.start : ent.end] = [f"I-{ent.label_}"] * len(ent)
        tags[ent.start] = f"B-{ent.label_}"
    words = [i for i, token in enumerate(doc) if not token.text.isspace()]
    return {"tokens": [doc[i].text for i in words], "tags": [tags[i] for i in words]}


def _tell(name: str, outcome: dict[str, Any]) -> list[str]:
    words = {
        "n_long": "texts longer than the model takes, which were cut",
        "n_other_label": "entities of labels that the data set doesn't have, left out",
        "n_overlap": "entities that overlap a surer one, left out",
    }
    counts = {key: int(outcome.get(key, 0)) for key in words}
    return [f"{name}: {n} {words[key]}" for key, n in counts.items() if n]
