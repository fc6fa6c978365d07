"""Errors split by kind, and confusion of types: what a figure is made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import Ints

KINDS = ("right", "type", "span", "both", "missed", "spurious")


def match_entities(gold: Ints, predicted: Ints) -> list[tuple[int, int, str]]:
    """Pair predicted entities with gold ones, each at most once.

    Pairs with the same edges come first, then those of the same type, then those that
    share most tokens, the earlier in the text before the later.

    gold (Ints): Rows (start, end, type) that don't overlap each other.
    predicted (Ints): Rows likewise.
    RETURNS (list[tuple[int, int, str]]): Row of the gold, row of the prediction, kind:
        "right", "type" (edges right, type wrong), "span" (type right, edges wrong),
        "both" (both wrong, tokens shared).
    """
    gold_order = np.argsort(gold[:, 0], kind="stable")
    order = np.argsort(predicted[:, 0], kind="stable")
    gold, predicted = gold[gold_order], predicted[order]
    first = np.searchsorted(predicted[:, 1], gold[:, 0], side="right")
    n = np.searchsorted(predicted[:, 0], gold[:, 1], side="left") - first
    n = np.maximum(n, 0)
    g = np.repeat(np.arange(len(gold)), n)
    p = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(first, n)
    a, b = gold[g], predicted[p]
    same_span = (a[:, 0] == b[:, 0]) & (a[:, 1] == b[:, 1])
    same_type = a[:, 2] == b[:, 2]
    shared = np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0])
    taken: tuple[set[int], set[int]] = set(), set()
    pairs = []
    for i in np.lexsort((p, g, -shared, ~same_type, ~same_span)).tolist():
        left, right = int(g[i]), int(p[i])
        if left in taken[0] or right in taken[1]:
            continue
        taken[0].add(left)
        taken[1].add(right)
        kind = ("both", "span", "type", "right")[2 * same_span[i] + same_type[i]]
        pairs.append((int(gold_order[left]), int(order[right]), kind))
    return sorted(pairs)


def count_mistakes(gold: Ints, predicted: Ints) -> dict[str, int]:
    """Count entities by kind of error.

    gold (Ints): Gold entities, rows (start, end, type).
    predicted (Ints): Predicted entities.
    RETURNS (dict[str, int]): By kind; "missed" gold and "spurious" predicted entities
        are those without a partner.
    """
    pairs = match_entities(gold, predicted)
    counts = dict.fromkeys(KINDS, 0)
    for _, _, kind in pairs:
        counts[kind] += 1
    counts["missed"] = len(gold) - len(pairs)
    counts["spurious"] = len(predicted) - len(pairs)
    return counts


def confuse_tokens(gold: Ints, predicted: Ints, n_types: int) -> NDArray[np.int64]:
    """Count tokens by gold and predicted type.

    gold (Ints): Gold type of each token; 0 none, -1 not counted.
    predicted (Ints): Predicted type of each token.
    n_types (int): Number of types.
    RETURNS (NDArray): (n_types + 1, n_types + 1) gold by predicted; 0 is "None".
    """
    seen = gold >= 0
    size = n_types + 1
    cells = gold[seen] * size + predicted[seen].clip(min=0)
    return np.bincount(cells, minlength=size**2).reshape(size, size)


def confuse_entities(gold: Ints, predicted: Ints, n_types: int) -> NDArray[np.int64]:
    """Count entities by gold and predicted type, whatever their edges.

    gold (Ints): Gold entities, rows (start, end, type).
    predicted (Ints): Predicted entities.
    n_types (int): Number of types.
    RETURNS (NDArray): (n_types + 1, n_types + 1) gold by predicted. Column 0 has the
        missed, row 0 the spurious entities.
    """
    table = np.zeros((n_types + 1, n_types + 1), dtype="int64")
    pairs = match_entities(gold, predicted)
    left, right = {g for g, _, _ in pairs}, {p for _, p, _ in pairs}
    for g, p, _ in pairs:
        table[gold[g, 2], predicted[p, 2]] += 1
    for g in sorted(set(range(len(gold))) - left):
        table[gold[g, 2], 0] += 1
    for p in sorted(set(range(len(predicted))) - right):
        table[0, predicted[p, 2]] += 1
    return table


def name_table(table: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): A table with its rows and columns named, for JSON."""
    return {"labels": ["None", *labels], "gold_by_predicted": table.tolist()}
