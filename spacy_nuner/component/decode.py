"""From probabilities of tags to entities with a confidence each. Arrays only."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NONE = -1


class Entity(NamedTuple):
    """An entity in tokens of its document."""

    start: int
    end: int  # exclusive
    label: int  # index into the pipe's labels
    confidence: float


def make_tags(labels: list[str], tagging: str) -> list[str]:
    """List the tags: "O", then one ("io") or two ("bio") per label."""
    prefixes = ("I",) if tagging == "io" else ("B", "I")
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in prefixes)]


def decode(
    probs: Floats, *, n_prefixes: int, is_space: Bools, is_break: Bools
) -> list[Entity]:
    """Read the most probable tags as entities.

    An entity is a maximal run of one label; with B- tags each "B-" also begins one,
    and a stray "I-" is taken as a beginning. White space is never an entity and never
    at the edge of one. It may lie within one, unless it breaks the line: a list of
    names, one a line, is not one long name.

    The confidence is the mean over the entity's tokens of the probability of its
    label. (Compared with the minimum on the pools: docs/component.md.)

    probs (Floats): Probabilities of the tags, (n_tokens, n_tags), tag 0 is "O".
    n_prefixes (int): Tags per label: 1 (io) or 2 (bio: first "B-", then "I-").
    is_space (Bools): Tokens of white space, (n_tokens,).
    is_break (Bools): Those of them that hold a line break, (n_tokens,).
    RETURNS (list[Entity]): The entities in order.
    """
    n = len(probs)
    if not n:
        return []
    tags = probs.argmax(axis=1)
    labels = np.where(tags > 0, (tags - 1) // n_prefixes, NONE)
    begins = (tags > 0) & ((tags - 1) % n_prefixes == 0) & (n_prefixes > 1)
    labels, begins = _bridge_space(labels, begins, is_space, is_break)
    changes = np.concatenate(([True], (labels[1:] != labels[:-1]) | begins[1:], [True]))
    edges = np.flatnonzero(changes)
    by_label = probs[:, 1:].reshape(n, -1, n_prefixes).sum(axis=2)  # (n, n_labels)
    entities = []
    for start, end in pairwise(edges):
        label = int(labels[start])
        if label == NONE:
            continue
        solid = ~is_space[start:end]
        confidence = float(by_label[start:end, label][solid].mean())
        entities.append(Entity(int(start), int(end), label, confidence))
    return entities


def _bridge_space(
    labels: Ints, begins: Bools, is_space: Bools, is_break: Bools
) -> tuple[Ints, Bools]:
    """Give white space the label around it where both sides are one entity."""
    labels = np.where(is_space, NONE, labels)
    begins = begins & ~is_space
    n = len(labels)
    for i in np.flatnonzero(is_space & ~is_break):
        # Several spaces are one token; the left side has been bridged already
        left = labels[i - 1] if i else NONE
        right = i + 1
        while right < n and is_space[right] and not is_break[right]:
            right += 1
        if right < n and left != NONE and labels[right] == left and not begins[right]:
            labels[i] = left
    return labels, begins
