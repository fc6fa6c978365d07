"""How well the concept corpus covers the labels of a data set."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from .nearness import Floats, centre, find_nearest

# Entity types are broader than concepts: one as near as this counts for a label. The
# same as in `component/calibrate.py`, where it was chosen
BREADTH: Final = 0.35
N_NEAREST: Final = 5


class LabelSet(NamedTuple):
    """The labels of a data set and what stands for them."""

    name: str
    phrases: Mapping[str, Sequence[str]]  # label -> name, definition, …


def measure_coverage(
    label_set: LabelSet,
    labels: Floats,
    concepts: Floats,
    *,
    counts: Mapping[str, int],
    names: Sequence[str],
) -> dict[str, Any]:
    """Measure which concepts of the corpus stand for the labels of a data set.

    label_set (LabelSet): The labels.
    labels (Floats): Vectors of the labels, (n_labels, width).
    concepts (Floats): Vectors of the concepts of the map, (n_concepts, width).
    counts (Mapping[str, int]): Mentions of all concepts of the corpus.
    names (Sequence[str]): The concepts of the map.
    RETURNS (dict[str, Any]): "name", "labels": for each its label, "phrase", "exact"
        (the mentions of concepts that are called as the label is), "n_concepts" and
        "n_mentions" (of the concepts as near as `BREADTH`), and "nearest": numbers of
        concepts with their cosines.
    """
    mean = concepts.mean(axis=0)
    rows, columns = centre(labels, mean), centre(concepts, mean)
    cosines = rows @ columns.T  # (n_labels, n_concepts)
    mentions = np.array([counts[name] for name in names])
    nearest, nearness = find_nearest(rows, columns, N_NEAREST)
    found = []
    for i, (label, phrases) in enumerate(label_set.phrases.items()):
        near = cosines[i] >= BREADTH
        called = {label.lower(), label.lower().replace("_", " "), phrases[0].lower()}
        found.append(
            {
                "label": label,
                "phrase": phrases[0],
                "exact": sum(counts.get(name, 0) for name in called),
                "n_concepts": int(near.sum()),
                "n_mentions": int(mentions[near].sum()),
                "nearest": [
                    [int(number), round(float(cosine), 3)]
                    for number, cosine in zip(nearest[i], nearness[i], strict=True)
                ],
            }
        )
    return {"name": label_set.name, "labels": found}
