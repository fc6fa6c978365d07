"""k~2k training sets: k to 2k mentions of each type (Ding et al., 2021; Section 4.1).

All functions work on a matrix of mention counts, one row per sentence of the pool and
one column per type, made by `count_runs`. Nothing here looks at words or at features.
"""

import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Method = Literal[
    "exact",
    "exact_restart",
    "greedy_fallback",
    "exchange_fallback",
    "words",
    "words_over_cap",
]
# Refusals in a row after which all sentences are looked at: is there one to accept?
PATIENCE = 50
Row = list[tuple[int, int]]  # (type, mentions) of a sentence


class Draw(NamedTuple):
    """One training set and how it was found."""

    indices: list[int]  # rows of the pool, in the order in which they were drawn
    method: Method
    n_restarts: int  # dead ends met before
    sha256: str | None = None  # of the file that it was read from


def count_runs(types: Ints, lengths: Ints, n_types: int) -> Ints:
    """Count the mentions of each sentence as Few-NERD's `Sample` does.

    A mention is a maximal run of one type, so that neighbours of the same type count
    once; a run never crosses a sentence border.

    types (Ints): Type of each token, 1 … n_types; 0 or less is no mention.
    lengths (Ints): Tokens per sentence.
    n_types (int): Number of types.
    RETURNS (Ints): Counts, one row per sentence and one column per type.
    """
    counts = np.zeros((len(lengths), n_types), dtype="int64")
    row = np.repeat(np.arange(len(lengths)), lengths)  # (n_tokens,)
    first = np.ones(len(types), dtype=bool)
    first[1:] = (types[1:] != types[:-1]) | (row[1:] != row[:-1])
    first &= types > 0
    np.add.at(counts, (row[first], types[first] - 1), 1)
    return counts


def sample_exact(counts: Ints, k: int, *, seed: int) -> list[int] | None:
    """Draw a set bit for bit as Few-NERD's `FewshotSampler` with N = all types.

    The published loop has no end when no sentence can be accepted any more; this one
    sees that and stops. `random.sample` over the types is drawn for the sake of the
    generator's state alone: its order, which there hangs on the hash seed, has no
    effect on the sentences. The bound k is an argument and not an entry of the table
    of counts, where a type named "k" would collide with it.

    counts (Ints): Mentions per sentence and type.
    k (int): Least number of mentions of each type; 2k is the most.
    seed (int): Seed of the draw.
    RETURNS (Optional[list[int]]): Rows in order of drawing; None at a dead end.
    """
    found, chosen = _draw(counts, _sparse(counts), k, random.Random(seed))
    return chosen if found else None


def _sparse(counts: Ints) -> list[Row]:
    """Types of each sentence and their mentions, without the zeros."""
    rows: list[Row] = [[] for _ in range(len(counts))]
    places = np.nonzero(counts)
    found = (*places, counts[places])
    for index, column, n in zip(*(part.tolist() for part in found), strict=True):
        rows[index].append((column, n))
    return rows


def _draw(
    counts: Ints,
    rows: list[Row],
    k: int,
    rng: random.Random,
    base: Sequence[int] = (),
) -> tuple[bool, list[int]]:
    """Draw by the published rule; False and what was drawn so far at a dead end."""
    n_types = counts.shape[1]
    rng.sample(range(n_types), n_types)
    candidates = [index for index, row in enumerate(rows) if row]
    chosen = list(base)
    taken = set(base)
    total = counts[chosen].sum(axis=0).tolist()
    while min(total) < k:
        for _ in range(PATIENCE if candidates else 0):
            index = rng.choice(candidates)
            if index not in taken and _accepts(rows[index], total, k):
                break
        else:
            free = np.ones(len(counts), dtype=bool)
            free[chosen] = False
            acceptable = (free & _fits(counts, np.array(total), k)).tolist()
            if not any(acceptable):
                return False, chosen
            while not acceptable[index := rng.choice(candidates)]:
                pass
        chosen.append(index)
        taken.add(index)
        for column, n in rows[index]:
            total[column] += n
    return True, chosen


def _accepts(row: Row, total: list[int], k: int) -> bool:
    """The published rule: no type above 2k, at least one below k."""
    if any(total[column] + n > 2 * k for column, n in row):
        return False
    return any(total[column] < k for column, _ in row)


def _fits(counts: Ints, total: Ints, k: int) -> Bools:
    """`_accepts` for all sentences at once."""
    present = counts > 0
    above = np.any(present & (counts + total > 2 * k), axis=1)
    needed = np.any(present & (total < k), axis=1)
    return np.asarray(needed & ~above)


def sample(
    counts: Ints,
    k: int,
    *,
    seed: int,
    n_restarts: int = 10,
    n_greedy: int = 5,
    n_exchange: int = 10,
    base: Sequence[int] = (),
) -> Draw | None:
    """Draw a set within the bounds; always ends.

    The first attempt is `sample_exact`, so that where Few-NERD's sampler ends, the set
    is the same. After a dead end the same rule is tried again with the generator going
    on; then the greedy way, which ends more often but prefers sentences with few
    mentions; then sentences of a dead end are exchanged until the bounds are met.

    counts (Ints): Mentions per sentence and type.
    k (int): Least number of mentions of each type; 2k is the most.
    seed (int): Seed of the draw.
    n_restarts (int): Further attempts by the published rule.
    n_greedy (int): Attempts by the greedy rule, which differ in how ties are broken.
    n_exchange (int): Attempts to repair a dead end.
    base (Sequence[int]): Sentences that the set has in any case; they come first.
    RETURNS (Optional[Draw]): The set; None if no way led to one.
    """
    if unreachable_types(counts, k):
        return None
    rng = random.Random(seed)
    rows = _sparse(counts)
    for attempt in range(1 + n_restarts):
        found, chosen = _draw(counts, rows, k, rng, base)
        if found:
            return Draw(chosen, "exact_restart" if attempt else "exact", attempt)
    for _ in range(n_greedy):
        picked = _greedy(counts, k, rng, base)
        if picked is not None:
            return Draw(picked, "greedy_fallback", n_restarts + 1)
    for _ in range(n_exchange):
        _, start = _draw(counts, rows, k, rng, base)
        picked = _exchange(counts, k, rng, start, fixed=len(base))
        if picked is not None:
            return Draw(picked, "exchange_fallback", n_restarts + 1)
    return None


def _greedy(
    counts: Ints, k: int, rng: random.Random, base: Sequence[int]
) -> list[int] | None:
    """Rarest type first, and for it the sentences with the fewest mentions first."""
    ties = np.array([rng.random() for _ in range(len(counts))])
    order = np.lexsort((ties, counts.sum(axis=1)))  # fewest mentions first
    chosen = list(base)
    total = counts[chosen].sum(axis=0)
    free = np.ones(len(counts), dtype=bool)
    free[chosen] = False
    for column in np.argsort(counts.sum(axis=0), kind="stable"):
        while total[column] < k:
            acceptable = free & _fits(counts, total, k) & (counts[:, column] > 0)
            ranked = order[acceptable[order]]
            if not len(ranked):
                return None
            index = int(ranked[0])
            chosen.append(index)
            free[index] = False
            total = total + counts[index]
    return chosen


def _exchange(
    counts: Ints,
    k: int,
    rng: random.Random,
    start: list[int],
    *,
    fixed: int = 0,
    max_moves: int = 1000,
) -> list[int] | None:
    """From a dead end on, add or remove the sentence that helps the bounds most.

    A search with a memory: what was moved stays for a while, so that it does not go
    in circles.
    """
    chosen = dict.fromkeys(start)
    sign = np.ones(len(counts), dtype="int64")
    sign[start] = -1
    total = counts[start].sum(axis=0)
    blocked_until = np.where(counts.any(axis=1), 0, max_moves)
    blocked_until[start[:fixed]] = max_moves
    for move in range(max_moves):
        if ((total >= k) & (total <= 2 * k)).all():
            return list(chosen)
        after = total + sign[:, None] * counts
        broken = np.maximum(k - after, 0) + np.maximum(after - 2 * k, 0)
        cost = np.where(blocked_until > move, np.inf, broken.sum(axis=1))
        if np.isinf(cost.min()):
            return None
        index = rng.choice(np.flatnonzero(cost == cost.min()).tolist())
        total = after[index]
        sign[index] *= -1
        blocked_until[index] = move + rng.randint(5, 15)
        if sign[index] < 0:
            chosen[index] = None
        else:
            del chosen[index]
    return None


def usable_mentions(counts: Ints, k: int) -> Ints:
    """Mentions of each type in the sentences that alone stay within the cap of 2k."""
    return counts[(counts <= 2 * k).all(axis=1)].sum(axis=0)


def unreachable_types(counts: Ints, k: int) -> list[int]:
    """Columns of the types of which no set can hold k mentions.

    RETURNS (list[int]): Types with fewer than k mentions in usable sentences.
    """
    return np.flatnonzero(usable_mentions(counts, k) < k).tolist()


def check_sample(
    counts: Ints, indices: Sequence[int], k: int, *, labels: Sequence[str]
) -> dict[str, int]:
    """Check that a set has k to 2k mentions of each type and no sentence twice.

    counts (Ints): Mentions per sentence and type.
    indices (Sequence[int]): Rows of the set.
    k (int): The lower bound.
    labels (Sequence[str]): Names of the columns, for the message.
    RETURNS (dict[str, int]): Mentions of each type.
    RAISES (ValueError): If a bound is broken or a sentence occurs twice.
    """
    rows = list(indices)
    total = counts[rows].sum(axis=0) if rows else np.zeros(len(labels), dtype="int64")
    found = {label: int(n) for label, n in zip(labels, total, strict=True)}
    bad = {label: n for label, n in found.items() if not k <= n <= 2 * k}
    if bad:
        raise ValueError(Errors.N501.format(k=k, upper=2 * k, counts=bad))
    if len(set(rows)) < len(rows):
        twice = sorted({row for row in rows if rows.count(row) > 1})
        raise ValueError(Errors.N502.format(rows=twice))
    return found
