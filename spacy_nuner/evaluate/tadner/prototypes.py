"""Prototypes, and the type of a mention by names and prototypes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..metrics import Ints
from .words import Marked


def pool_spans(vectors: Sequence[Tensor], spans: Sequence[Ints]) -> Tensor:
    """Mean of each mention's words, (n_spans, width); 0 where none has a vector."""
    means = [
        _mean_of_known(words[start:end])
        for words, rows in zip(vectors, spans, strict=True)
        for start, end in rows[:, :2].tolist()
    ]
    return torch.stack(means) if means else vectors[0][:0]


def _mean_of_known(words: Tensor) -> Tensor:
    known = words.any(1)  # (n_words,)
    return words[known].mean(0) if bool(known.any()) else words[0]


def average_by_type(pooled: Tensor, support: Marked, own: Tensor) -> Tensor:
    """Prototype of each type: the mean of its mentions, (n_types, width)."""
    numbers = np.concatenate([rows[:, 2] for rows in support.spans]) - 1  # (n_spans,)
    prototypes = []
    for i in range(len(own)):
        mine = pooled[torch.from_numpy(np.flatnonzero(numbers == i)).to(pooled.device)]
        prototypes.append(mine.mean(0) if len(mine) else own[i])
    return normalize(torch.stack(prototypes), dim=1)


def classify(
    rows: Ints, words: Tensor, names: Tensor, prototypes: Tensor, *, threshold: float
) -> Ints:
    """Give each mention the type that is nearest; those too far from all are dropped.

    How near is the mean of both cosines: to the type's name and to its prototype. Each
    mention is judged by itself; the published code divides by a norm over all mentions
    of the query set, which an application does not have.
    """
    if not len(rows):
        return np.zeros((0, 3), dtype="int64")
    pooled = normalize(pool_spans([words], [rows]), dim=1)  # (n_spans, width)
    scores = (pooled @ names.T + pooled @ prototypes.T) / 2  # (n_spans, n_types)
    best, types = (part.cpu().numpy() for part in scores.max(1))  # (n_spans,) each
    typed = np.concatenate([rows, types[:, None] + 1], axis=1)  # (n_spans, 3)
    return typed[best > threshold]
