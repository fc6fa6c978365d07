"""Figures over all episodes of a setting, with intervals over episodes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import srsly

from ...student import t_95
from ..cells import write_json
from ..data import Dataset, make_gold
from ..episodes import score_episodes
from ..predictions import predictions_path, read_predictions

SUMMARY = "summary.json"
MEANS = (
    "f1",
    "precision",
    "recall",
    "published_f1",
    "detected_f1",
    "kept_f1",
    "n_detector_steps",
    "n_classifier_steps",
    "seconds",
)


def write_summary(
    folder: Path, episodes: Sequence[int], dataset: Dataset, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Write `summary.json` beside the cells.

    folder (Path): Folder of the cells.
    episodes (Sequence[int]): Numbers of the episodes that are there.
    dataset (Dataset): The data set.
    settings (Mapping[str, Any]): What all episodes share, for the reader.
    RETURNS (dict[str, Any]): Its content.
    """
    paths = [folder / f"episode{i}.json" for i in episodes]
    cells = [srsly.read_json(path) for path in paths]
    docs, spans, sizes, offset = [], [], [], 0
    for path in paths:
        found = read_predictions(predictions_path(path))
        query = [dataset.test.docs[i] for i in found.sentences or []]
        rows = found.spans.copy()
        rows[:, :2] += offset
        spans.append(rows)
        docs += query
        sizes.append(len(query))
        offset += sum(len(doc) for doc in query)
    gold = make_gold(docs, dataset.labels, source=str(folder))
    n_types = len(dataset.labels)
    scores = score_episodes(gold, np.concatenate(spans), sizes, n_types).as_dict()
    scores.pop("per_episode")
    summary = {
        **{name: cells[0][name] for name in ("system", "n_way", "k", "q")},
        **scores,
        "interval": find_interval([cell["f1"] for cell in cells]),
        "means": {
            name: round(float(np.mean([cell[name] for cell in cells])), 4)
            for name in MEANS
        },
        "settings": dict(settings),
    }
    write_json(folder / SUMMARY, summary)
    return summary


def find_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Find where the mean over all episodes of the kind is likely to be.

    values (Sequence[float]): F1 of each episode.
    RETURNS (tuple[float, float] | None): 95 % interval by Student's t; None: there is
        only one.
    """
    n = len(values)
    if n < 2:
        return None
    half = t_95(n - 1) * float(np.std(values, ddof=1)) / n**0.5
    middle = float(np.mean(values))
    return round(middle - half, 6), round(middle + half, 6)
