"""Which hidden state of a base encoder serves best: chosen on the pool alone."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .data import Dataset, Gold, Ints, make_gold
from .heads import Recipe, Runner, Task, without_docs
from .sampling import count_runs, sample

MAX_SENTENCES = 400
KS = (4, 16)
N_DRAWS = 2


def pool_subset(dataset: Dataset, *, seed: int = 0) -> Gold:
    """A fixed part of the pool on which layers are compared.

    dataset (Dataset): The data set; its test set is not looked at.
    seed (int): Seed of the choice.
    RETURNS (Gold): At most 400 sentences.
    """
    n = len(dataset.pool.docs)
    picked = sorted(random.Random(seed).sample(range(n), min(n, MAX_SENTENCES)))
    docs = [dataset.pool.docs[i] for i in picked]
    return make_gold(docs, dataset.labels, source=f"pool of {dataset.name}")


def compare_layers(
    runner: Runner,
    vectors: Path,
    n_layers: int,
    subset: Gold,
    tags: Callable[[Sequence[int]], Ints],
    labels: Sequence[str],
    recipe: Recipe,
) -> dict[int, float]:
    """Train on k~2k sets drawn from the subset, score on what is left of it.

    This sees more gold than a k-shot user has, and so favours the base encoder, which
    is what a baseline should be given.

    runner (Runner): Trains the heads.
    vectors (Path): Vectors of the subset, of all layers side by side.
    n_layers (int): Number of layers.
    subset (Gold): From `pool_subset`.
    tags (Callable): Tags to learn of some sentences of the subset.
    labels (Sequence[str]): Labels of the data set.
    recipe (Recipe): Optimizer and steps.
    RETURNS (dict[int, float]): Mean token macro F1 by layer; empty where the subset
        allows no training set.
    """
    counts = count_runs(subset.types, subset.lengths, len(labels))
    draws = [sample(counts, k, seed=s) for k in KS for s in range(N_DRAWS)]
    layers, tasks = [], []
    for draw in draws:
        if draw is None:
            continue
        rest = sorted(set(range(len(subset.docs))) - set(draw.indices))
        held_out = [subset.docs[i] for i in rest]
        gold = make_gold(held_out, labels, source="rest of the pool")
        if not len(gold.spans):
            continue
        task = Task(
            train=vectors,
            train_rows=subset.rows(draw.indices),
            train_lengths=subset.lengths[draw.indices],
            tags=tags(draw.indices),
            test=vectors,
            test_rows=subset.rows(rest),
            gold=without_docs(gold),
            subset=None,
            labels=list(labels),
            recipe=recipe,
            label_vectors=None,
        )
        for layer in range(1, n_layers + 1):
            layers.append(layer)
            columns = layer_columns(vectors, layer, n_layers)
            tasks.append(task._replace(columns=columns))
    figures: dict[int, list[float]] = {}
    for i, result in sorted(runner.run(tasks), key=lambda pair: pair[0]):
        figures.setdefault(layers[i], []).append(result["token_macro_f1"])
    return {layer: float(np.mean(values)) for layer, values in figures.items()}


def layer_columns(vectors: Path, layer: int, n_layers: int) -> tuple[int, int]:
    """Where a layer stands in vectors that join all layers.

    vectors (Path): The vectors.
    layer (int): The layer, counted from 1.
    n_layers (int): Number of layers.
    RETURNS (tuple[int, int]): First column, and the one behind the last.
    """
    width = np.load(vectors, mmap_mode="r").shape[1] // n_layers
    return (layer - 1) * width, layer * width


def best_layer(figures: Mapping[int, float], n_layers: int) -> int:
    """RETURNS (int): Layer with the best figure; the last one if there is no figure."""
    if not figures:
        return n_layers
    return max(figures, key=lambda layer: (figures[layer], layer))
