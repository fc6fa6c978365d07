"""Few-NERD episode F1: as published, and without what is wrong with it.

An episode is the query set of a few-shot task with its own types. The published code
reads entities off IO tags of all query tokens in a row, so that neighbours of one type
become one entity, also across sentences; and it sums over all episodes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import Errors
from .data import Gold
from .metrics import Bools, Counts, Ints, count_entities, find_spans
from .predictions import fill_types


class EpisodeScores(NamedTuple):
    """Entity F1 over episodes."""

    mean_f1: float  # micro within an episode, mean over episodes
    pooled_f1: float  # micro over all episodes
    published_f1: float  # as Few-NERD's code counts, pooled
    per_episode: list[float]  # what `mean_f1` is the mean of

    def as_dict(self) -> dict[str, object]:
        """RETURNS (dict[str, object]): For JSON."""
        return {
            "n_episodes": len(self.per_episode),
            "episode_mean_f1": self.mean_f1,
            "episode_pooled_f1": self.pooled_f1,
            "episode_published_f1": self.published_f1,
            "per_episode": self.per_episode,
        }


def score_episodes(
    gold: Gold, predicted: Ints, sizes: Sequence[int], n_types: int
) -> EpisodeScores:
    """Score predictions on the query sets of episodes.

    gold (Gold): Sentences of all query sets, one set after another; a sentence that is
        in several is there as often.
    predicted (Ints): Predicted entities, rows (start, end, type).
    sizes (Sequence[int]): Number of sentences of each query set.
    n_types (int): Number of types of all episodes.
    RETURNS (EpisodeScores): F1 in three ways.
    RAISES (ValueError): If the sizes don't add up to the sentences.
    """
    if sum(sizes) != len(gold.lengths) or not all(size > 0 for size in sizes):
        problem = f"{len(gold.lengths)} sentences, but episodes of {list(sizes)[:20]}"
        raise ValueError(Errors.N518.format(problem=problem))
    ends = gold.offsets[np.cumsum(sizes)]  # (n_episodes,) last token of each, + 1
    pairs = _split(gold.spans, ends), _split(predicted, ends)
    counts = [
        count_entities(mine, found, n_types, gold.annotated).micro()
        for mine, found in zip(*pairs, strict=True)
    ]
    total = Counts(*(np.asarray(sum(part)) for part in zip(*counts, strict=True)))
    each = [float(count.f1) for count in counts]
    published = count_published(gold, predicted, ends)
    return EpisodeScores(
        float(np.mean(each)), float(total.f1), float(published.f1), each
    )


def _split(spans: Ints, ends: Ints) -> list[Ints]:
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    return np.split(spans, np.searchsorted(spans[:, 0], ends[:-1]))


def count_published(gold: Gold, predicted: Ints, ends: Ints) -> Counts:
    """Count entities as Few-NERD's `metrics_by_entity` does on one episode at a time.

    The published code concatenates the episodes of a batch, too; that depends on the
    batch size and is not followed. Words without annotation and white space are left
    out, as its sub-tokens with label -1 are.

    gold (Gold): Sentences of all query sets.
    predicted (Ints): Predicted entities.
    ends (Ints): Last token of each query set, + 1.
    RETURNS (Counts): Sums over all episodes.
    """
    n_tokens = len(gold.types)
    seen: Bools = gold.types >= 0
    n_seen = np.concatenate(([0], np.cumsum(seen)))
    lengths = np.diff(n_seen[np.concatenate(([0], ends))])
    rows = [
        find_spans(types[seen], lengths)
        for types in (gold.types, fill_types(predicted, n_tokens))
    ]
    n_types = max((int(part[:, 2].max(initial=1)) for part in rows), default=1)
    return count_entities(
        rows[0], rows[1], n_types, np.ones(int(seen.sum()), dtype=bool)
    ).micro()
