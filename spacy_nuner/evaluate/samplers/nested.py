"""Nested k~2k sets: the set of k = 4 contains that of k = 2, and so on.

A learning curve on nested sets shows what further examples add, as for a user who goes
on annotating; on sets drawn apart it also shows the chance of another draw.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ...errors import Errors
from ..metrics import Ints
from ..sampling import Draw, sample, unreachable_types, usable_mentions

N_CHAINS = 4  # chains that are begun anew before fewer k are tried


class Chain(NamedTuple):
    """Sets of one seed."""

    draws: dict[int, Draw]  # by k; each contains those before
    failed: list[int]  # k that the pool allows, but not around the smaller sets


def sample_nested(counts: Ints, ks: Sequence[int], *, seed: int) -> Chain:
    """Draw sets that contain each other; always ends, all keep k to 2k mentions.

    From the smallest on, each set is drawn around the one before. If that fails, the
    chain is begun anew; then the largest set is drawn first and the others from it;
    then a k that does not fit is left out.

    counts (Ints): Mentions per sentence and type, from `count_runs`.
    ks (Sequence[int]): Values of k, rising.
    seed (int): Seed of the draw.
    RETURNS (Chain): The sets, and the k for which there is none.
    RAISES (ValueError): If the k don't rise.
    """
    if not ks or any(a >= b for a, b in pairwise(ks)):
        raise ValueError(Errors.N524.format(got=", ".join(map(str, ks)) or "none"))
    wanted = [k for k in ks if not unreachable_types(counts, k)]
    best = Chain({}, wanted)
    for attempt in range(N_CHAINS):
        for grow in (_grow, _shrink):
            draws = grow(counts, wanted, f"{seed}/{attempt}")
            failed = [k for k in wanted if k not in draws]
            if len(draws) > len(best.draws):
                best = Chain(draws, failed)
            if not best.failed:
                return best
    return best


def _grow(counts: Ints, ks: Sequence[int], name: str) -> dict[int, Draw]:
    """From the smallest set on."""
    draws: dict[int, Draw] = {}
    base: list[int] = []
    for k in ks:
        draw = sample(counts, k, seed=_seed(f"{name}/grow/{k}"), base=base)
        if draw is not None:
            draws[k] = draw
            base = draw.indices
    return draws


def _shrink(counts: Ints, ks: Sequence[int], name: str) -> dict[int, Draw]:
    """From the largest set on; each is ordered so that the smaller ones come first."""
    found: list[tuple[int, Draw]] = []
    pool = list(range(len(counts)))
    for k in reversed(ks):
        draw = sample(counts[pool], k, seed=_seed(f"{name}/shrink/{k}"))
        if draw is not None:
            pool = [pool[i] for i in draw.indices]
            found.append((k, draw._replace(indices=pool)))
    draws: dict[int, Draw] = {}
    base: list[int] = []
    for k, draw in reversed(found):
        rest = [index for index in draw.indices if index not in set(base)]
        base = [*base, *rest]
        draws[k] = draw._replace(indices=base)
    return draws


def _seed(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:15], 16)


def explain(counts: Ints, k: int, labels: Sequence[str]) -> dict[str, int]:
    """RETURNS (dict[str, int]): Types that can't reach k and their usable mentions."""
    usable = usable_mentions(counts, k)
    return {labels[i]: int(usable[i]) for i in unreachable_types(counts, k)}
