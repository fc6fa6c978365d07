"""What 8-bit weights cost: the same trained pipeline, scored in each runtime."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from pipelines import load_runtime, make_examples, make_ours
from spacy.tokens import Doc
from texts import draw_few_shot

RUNTIMES = ("torch", "onnx", "onnx-int8")
# Sentences of the rest of the pool that are scored
MOST = 500
COST_HEADER = ("runtime", "entity micro F1", "token macro F1")
FIGURES = ("ents_f", "nuner_token_macro_f")


def score(folder: Path, runtime: str, docs: Sequence[Doc]) -> dict[str, float] | None:
    """RETURNS (dict[str, float] | None): Scores in points; None without the extra."""
    try:
        nlp = load_runtime(folder, runtime)
    except ImportError:
        return None
    scores = nlp.evaluate(make_examples(nlp, docs))
    return {name: round(100 * scores[name], 3) for name in FIGURES}


def measure_cost(
    encoder: Path, datasets: Path, *, k: int, n_sets: int, n_steps: int = 300
) -> dict[str, Any]:
    """Train on few-shot sets of the pools and score on the rest of the pools.

    encoder (Path): Encoder folder.
    datasets (Path): Folder of `spacy-nuner convert`. No test file is opened.
    k (int): Least number of mentions of each type in a training set.
    n_sets (int): Training sets of each data set.
    n_steps (int): Steps of the head.
    RETURNS (dict[str, Any]): By runtime, the means over data sets and training sets.
    """
    cells: list[dict[str, Any]] = []
    for file in sorted(datasets.glob("*/pool.spacy")):
        for seed in range(n_sets):
            few = draw_few_shot(file.parent, k, seed=seed, most=MOST)
            nlp = make_ours(encoder, few.train, n_steps=n_steps)
            with tempfile.TemporaryDirectory() as folder:
                nlp.to_disk(folder)
                scores = {
                    runtime: score(Path(folder), runtime, few.rest)
                    for runtime in RUNTIMES
                }
            cells.append({"dataset": few.name, "seed": seed, "scores": scores})
    means: dict[str, dict[str, float] | None] = {}
    for runtime in RUNTIMES:
        found = [cell["scores"][runtime] for cell in cells]
        means[runtime] = None
        if cells and None not in found:
            means[runtime] = {
                name: round(mean(scores[name] for scores in found), 2)
                for name in FIGURES
            }
    return {"k": k, "n_sets": n_sets, "encoder": encoder.name, "cells": cells} | {
        "means": means
    }


def cost_rows(cost: dict[str, Any]) -> list[Sequence[str]]:
    """RETURNS (list[Sequence[str]]): Rows of the table."""
    return [
        (runtime, *(f"{scores[name]:.2f}" for name in FIGURES))
        for runtime, scores in cost["means"].items()
        if scores is not None
    ]
