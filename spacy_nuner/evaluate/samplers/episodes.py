"""N-way k~2k episodes: a few types, a set to learn from, a set to be asked (Few-NERD).

The rule is that of the published sampler. Its choice of types hangs on the hash seed
of Python, since they come out of a `set`; ours has the types by name, whatever the
order of the columns, and ends.
"""

import hashlib
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import Errors
from ..metrics import Ints
from ..sampling import sample

# Choices of types, one after another, of which none gave an episode
MAX_CHOICES = 1000


class Episode(NamedTuple):
    """One few-shot task."""

    labels: list[str]  # its types, in the order in which they were drawn
    support: list[int]  # rows of the pool to learn from
    query: list[int]  # rows to be asked; none is in the support
    method: str  # how support and query were found: "exact", "exact+exact_restart"
    n_choices: int  # of types until there was an episode


def sample_episode(
    counts: Ints,
    labels: Sequence[str],
    *,
    n_way: int,
    k: int,
    q: int = 1,
    seed: int,
) -> Episode:
    """Draw an episode: sentences that have mentions of its types and of no others.

    counts (Ints): Mentions per sentence and type, from `count_runs`.
    labels (Sequence[str]): Names of the columns.
    n_way (int): Number of types.
    k (int): Mentions of each type to learn from: k to 2k.
    q (int): Mentions of each type to be asked: q to 2q.
    seed (int): Seed of the draw.
    RETURNS (Episode): The episode.
    RAISES (ValueError): If no choice of types gives one; it says which types have too
        few mentions.
    """
    totals = counts.sum(axis=0)
    known = [i for i in _by_name(labels) if totals[i] >= k + q]
    if n_way < 1 or len(known) < n_way:
        problem = (
            f"the pool has {len(labels)} types, of which {len(known)} have {k + q} "
            "mentions or more"
        )
        short = [i for i in _by_name(labels) if i not in known]
        if short:
            named = ", ".join(f"{labels[i]} ({totals[i]})" for i in short)
            problem = f"{problem}; too few have {named}"
        raise ValueError(_impossible(n_way, k, q, problem))
    rng = random.Random(_seed(f"{seed}/types"))
    has = counts > 0
    for n_choices in range(1, MAX_CHOICES + 1):
        types = rng.sample(known, n_way)
        others = np.setdiff1d(np.arange(len(labels)), types)
        only = has[:, types].any(axis=1) & ~has[:, others].any(axis=1)
        pool = np.flatnonzero(only)
        # By name, too: the order of columns decides ties of fallbacks
        columns = [i for i in known if i in types]
        mine = counts[pool][:, columns]
        support = sample(mine, k, seed=_seed(f"{seed}/{n_choices}/support"))
        if support is None:
            continue
        rest = np.setdiff1d(np.arange(len(pool)), support.indices)
        query = sample(mine[rest], q, seed=_seed(f"{seed}/{n_choices}/query"))
        if query is None:
            continue
        methods = dict.fromkeys([support.method, query.method])
        return Episode(
            [labels[i] for i in types],
            pool[support.indices].tolist(),
            pool[rest[query.indices]].tolist(),
            "+".join(methods),
            n_choices,
        )
    problem = (
        f"none of {MAX_CHOICES} choices of types has enough sentences without others"
    )
    raise ValueError(_impossible(n_way, k, q, problem))


def _by_name(labels: Sequence[str]) -> list[int]:
    return sorted(range(len(labels)), key=lambda i: labels[i])


def _impossible(n_way: int, k: int, q: int, problem: str) -> str:
    return Errors.N521.format(
        n_way=n_way, k=k, upper=2 * k, q=q, q_upper=2 * q, problem=problem
    )


def _seed(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:15], 16)
