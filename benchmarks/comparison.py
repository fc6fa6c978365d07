"""How long `spacy-nuner compare` takes for 4 systems x 7 k x 10 sets of each data set.

The predictions are made up (the gold with errors): only time and size are measured.

    python benchmarks/comparison.py corpus/ner /tmp/comparison
"""

import time
from pathlib import Path

import numpy as np
import typer

from spacy_nuner.evaluate.cells import cell_path, write_cell
from spacy_nuner.evaluate.data import Gold, load_part
from spacy_nuner.evaluate.metrics import Ints
from spacy_nuner.evaluate.predictions import (
    Predictions,
    hash_gold,
    predictions_path,
)
from spacy_nuner.evaluate.stats.compare import Settings, compare_systems

SYSTEMS = ("a", "b", "c", "d")
KS = (1, 2, 4, 8, 16, 32, 64)


def spoil(gold: Gold, n_types: int, share: float, rng: np.random.Generator) -> Ints:
    """The gold with a share of types, edges and whole entities wrong."""
    rows = gold.spans.copy()
    wrong = rng.random(len(rows))
    longer = (wrong < share / 3) & (rows[:, 1] - rows[:, 0] > 1)
    rows[longer, 1] -= 1
    other = (wrong >= share / 3) & (wrong < share * 2 / 3)
    rows[other, 2] = rng.integers(1, n_types + 1, size=int(other.sum()))
    kept = rows[(wrong < share * 2 / 3) | (wrong >= share)]
    free = np.flatnonzero(gold.types == 0)
    extra = np.unique(rng.choice(free, size=int(share * len(rows))))
    types = rng.integers(1, n_types + 1, size=len(extra))
    more = np.stack([extra, extra + 1, types], axis=1)
    rows = np.concatenate([kept, more])
    return rows[np.argsort(rows[:, 0], kind="stable")]


def main(
    datasets_dir: Path = typer.Argument(Path("corpus/ner")),
    output: Path = typer.Argument(..., help="Folder for the made-up cells."),
    dataset: list[str] = typer.Option(
        ["gallery", "workshop", "mit_movie", "mit_restaurant", "bionlp2004"]
    ),
    n_sets: int = 10,
) -> None:
    """Make cells up and compare them."""
    rng = np.random.default_rng(0)
    sizes = []
    start = time.perf_counter()
    for name in dataset:
        gold, labels = load_part(datasets_dir / name, "test")
        digest = hash_gold(gold, labels)
        for number, system in enumerate(SYSTEMS):
            for k in KS:
                for seed in range(n_sets):
                    share = (0.9 - 0.03 * number) / k**0.25
                    spans = spoil(gold, len(labels), share, rng)
                    path = cell_path(
                        output / "fewshot", system=system, dataset=name, k=k, seed=seed
                    )
                    content = {"key": "x", "train_indices": [seed]}
                    write_cell(path, content, Predictions(spans, "x", digest))
                    sizes.append(predictions_path(path).stat().st_size)
    typer.echo(
        f"{len(sizes)} cells made up in {time.perf_counter() - start:.1f} s; "
        f"predictions: median {np.median(sizes):,.0f}, most {max(sizes):,} bytes"
    )
    start, work = time.perf_counter(), time.process_time()
    result = compare_systems(output / "fewshot", datasets_dir, Settings(SYSTEMS))
    typer.echo(
        f"{len(result['figures'])} figures, {len(result['differences'])} differences "
        f"in {time.perf_counter() - start:.1f} s "
        f"({time.process_time() - work:.1f} s of one core)"
    )


if __name__ == "__main__":
    typer.run(main)
