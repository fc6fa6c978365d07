"""Encoders and heads scored on halves of the pools: no test file is opened.

Each pool is cut in two by a seed; k~2k training sets come from one half and the other
half is scored, by the code of `spacy-nuner evaluate`.
"""

import json
import random
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import spacy
import srsly
from spacy.tokens import DocBin

from spacy_nuner.evaluate.frozen import read_config
from spacy_nuner.evaluate.plan import (
    Grid,
    find_base,
    find_datasets,
    pick_systems,
    read_ks,
)
from spacy_nuner.evaluate.run import run_grid

ROOT = Path(__file__).parent.parent
HEAD_CONFIG = ROOT / "configs" / "sample" / "fewshot_frozen.cfg"
LABELS = ROOT / "assets" / "labels"
CONCEPT, RANDOM = "nuner_concept_start", "nuner"
Scores = dict[tuple[int, str, int], float]  # by k, data set and seed, in points


def cut_pools(datasets: Path, output: Path, *, most: int) -> Path:
    """Cut the pools of all data sets but those for zero-shot.

    datasets (Path): From 'convert'.
    output (Path): Folder to write the halves to.
    most (int): Sentences taken of each pool.
    RETURNS (Path): The folder.
    """
    for dataset in find_datasets(datasets):
        if not srsly.read_json(dataset / "meta.json").get("zero_shot_only"):
            cut_pool(dataset, output / dataset.name, most=most, seed=0)
    return output


def cut_pool(dataset: Path, output: Path, *, most: int, seed: int) -> None:
    """Write a data set whose pool and test part are halves of a pool."""
    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(dataset / "pool.spacy").get_docs(vocab))
    random.Random(seed).shuffle(docs)
    docs = docs[:most]
    half = len(docs) // 2
    output.mkdir(parents=True)
    for name, part in (("pool", docs[:half]), ("test", docs[half:])):
        DocBin(docs=part).to_disk(output / f"{name}.spacy")
    meta = json.loads((dataset / "meta.json").read_text(encoding="utf8"))
    meta |= {"n_pool": half, "n_test": len(docs) - half}
    (output / "meta.json").write_text(json.dumps(meta), encoding="utf8")


def score_pools(
    encoder: Path,
    pools: Path,
    output: Path,
    *,
    system: str,
    ks: str,
    n_sets: int,
    overrides: dict[str, Any] | None = None,
    labels: Path = LABELS,
) -> Path:
    """Train and score few-shot heads on the pools.

    encoder (Path): Encoder folder.
    pools (Path): From `cut_pools`.
    output (Path): Folder for the cells.
    system (str): Name of the system, e.g. "nuner_concept_start".
    ks (str): Mentions of each type, with commas.
    n_sets (int): Training sets for each k.
    overrides (dict[str, Any] | None): Settings of fewshot_frozen.cfg.
    labels (Path): Folder of label files.
    RETURNS (Path): The folder of the cells.
    """
    grid = Grid(
        config=read_config(HEAD_CONFIG, overrides or {}),
        encoders={"nuner": encoder, "base": find_base(encoder)},
        datasets=find_datasets(pools),
        labels_dir=labels,
        output=output,
        ks=read_ks(ks),
        n_sets=n_sets,
        systems=pick_systems([system]),
        keep_features=True,
    )
    run_grid(grid)
    return output


def read_scores(folder: Path, score: str) -> Scores:
    """RETURNS (Scores): A score of each cell."""
    cells = [srsly.read_json(path) for path in folder.glob("*/*/k*/seed*.json")]
    return {(c["k"], c["dataset"], c["seed"]): 100 * c[score] for c in cells}


def average(scores: Scores, k: int) -> float:
    """RETURNS (float): Mean over data sets of the mean over training sets."""
    by_dataset: dict[str, list[float]] = defaultdict(list)
    for (n, dataset, _), value in scores.items():
        if n == k:
            by_dataset[dataset].append(value)
    return mean(mean(values) for values in by_dataset.values())


def compare(scores: Scores, default: Scores, k: int) -> dict[str, float]:
    """RETURNS (dict[str, float]): The mean, its difference to the default's and the
    standard error of the difference, over data sets and training sets."""
    differences = [v - default[key] for key, v in scores.items() if key[0] == k]
    spread = stdev(differences) if len(differences) > 1 else 0.0
    return {
        "mean": average(scores, k),
        "difference": average(scores, k) - average(default, k),
        "standard_error": spread / len(differences) ** 0.5,
    }
