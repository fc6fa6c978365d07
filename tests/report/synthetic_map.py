"""A concept map, made up: as many concepts as one likes, some of them hostile."""

import math
import random
from collections.abc import Sequence
from typing import Any

WORDS = (
    *("river", "city", "type", "name", "medical", "group", "award", "device", "event"),
    *("style", "material", "court", "animal", "legal", "music", "season", "part"),
)


def make_map(n: int, *, names: Sequence[str] = (), texts: Sequence[str] = ()) -> Any:
    """Make the content of `concept_map.json`.

    n (int): Concepts.
    names (Sequence[str]): What the first ones are called.
    texts (Sequence[str]): Sentences of their own.
    RETURNS (dict[str, Any]): As `spacy-nuner concept-map` writes it.
    """
    random_ = random.Random(n)
    sentences = list(texts)
    while len(sentences) < max(0.6 * n, 4):
        words = [random_.choice(WORDS) for _ in range(24)]
        sentences.append(f"{' '.join(words).capitalize()}.")
    concepts = []
    for i in range(n):
        name = names[i] if i < len(names) else f"{WORDS[i % len(WORDS)]} kind {i}"
        angle, radius = 2.4 * i, math.sqrt((i + 1) / n) / 2
        x, y = 0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle)
        chosen = [i % len(sentences)]
        chosen += random_.sample(range(len(sentences)), 3)
        near = random_.sample(range(n), min(8, n))
        concepts.append(
            {
                "name": name,
                "count": max(2, 2 * n // (i + 1)),
                "xy": [round(x, 4), round(y, 4)],
                "rgb": [round(x, 2), round(y, 2), 0.5],
                "nearest": [[j, 0.5] for j in near if j != i],
                "mentions": [[j, 0, min(5, len(sentences[j]))] for j in chosen],
            }
        )
    label = {"label": "CITY", "phrase": "city", "exact": 7, "n_concepts": 3}
    label |= {"n_mentions": 20, "nearest": [[0, 0.9], [n - 1, 0.5]]}
    other = {"label": "X", "phrase": "x", "exact": 0, "n_concepts": 0, "n_mentions": 0}
    other |= {"nearest": [[1, 0.1]]}
    head = {"format": 1, "method": "pca", "seed": 0, "min_count": 2, "breadth": 0.35}
    head |= {"n_sentences": n, "n_concepts": 3 * n, "n_mentions": 9 * n}
    return {
        **head,
        "concepts": concepts,
        "sentences": sentences,
        "coverage": [{"name": "gallery", "labels": [label, other]}],
    }
