"""Sets by words of each type instead of mentions: k_w (paper, Section 6).

The paper wants "a specific number of words belonging to a given entity type". Whole
sentences can't give a number exactly, so it is read as a lower bound here, as close to
it as the sentences allow.
"""

import random

import numpy as np

from ..data import Gold
from ..metrics import Ints
from ..sampling import Draw, sample


def count_words(gold: Gold, n_types: int) -> Ints:
    """RETURNS (Ints): Words of each type, (n_sentences, n_types); no white space."""
    counts = np.zeros((len(gold.lengths), n_types), dtype="int64")
    row = np.repeat(np.arange(len(gold.lengths)), gold.lengths)
    seen = gold.types > 0
    np.add.at(counts, (row[seen], gold.types[seen] - 1), 1)
    return counts


def sample_words(words: Ints, k: int, *, seed: int) -> Draw | None:
    """Draw a set with k to 2k words of each type where that can be; always ends.

    The rule is that of the k~2k sampler on words. Where it leads to no set - a mention
    of three words is more than 2k for k = 1 - sentences are drawn that go above the
    cap by as few words as possible. In either case no sentence can be left out: each
    is needed to reach k words of some type.

    words (Ints): From `count_words`.
    k (int): Least number of words of each type.
    seed (int): Seed of the draw.
    RETURNS (Optional[Draw]): None if the pool has fewer than k words of a type.
    """
    if (words.sum(axis=0) < k).any():
        return None
    draw = sample(words, k, seed=seed)
    if draw is not None:
        kept = prune(words, draw.indices, k)
        return Draw(kept, "words", draw.n_restarts)
    chosen = prune(words, _over_cap(words, k, random.Random(seed)), k)
    total = words[chosen].sum(axis=0)
    within = bool((total <= 2 * k).all())
    return Draw(chosen, "words" if within else "words_over_cap", 0)


def _over_cap(words: Ints, k: int, rng: random.Random) -> list[int]:
    """Rarest type first; the sentence that adds least above the cap, ties by chance."""
    ties = np.array([rng.random() for _ in range(len(words))])
    total = np.zeros(words.shape[1], dtype="int64")
    free = np.ones(len(words), dtype=bool)
    chosen: list[int] = []
    for column in np.argsort(words.sum(axis=0), kind="stable"):
        while total[column] < k:
            above = np.maximum(words + total - np.maximum(2 * k, total), 0).sum(axis=1)
            usable = np.flatnonzero(free & (words[:, column] > 0))
            index = int(usable[np.lexsort((ties[usable], above[usable]))[0]])
            chosen.append(index)
            free[index] = False
            total += words[index]
    return chosen


def prune(words: Ints, indices: list[int], k: int) -> list[int]:
    """Leave out what is not needed, the last drawn first.

    words (Ints): Words per sentence and type.
    indices (list[int]): Rows of a set.
    k (int): Least number of words of each type.
    RETURNS (list[int]): The rows that stay, in their order.
    """
    total = words[indices].sum(axis=0)
    kept = list(indices)
    for index in reversed(indices):
        if (total - words[index] >= k).all():
            kept.remove(index)
            total = total - words[index]
    return kept
