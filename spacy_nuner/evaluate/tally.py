"""Counts of each sentence, of which every metric is a function of the sums.

Resampling sentences is then a product of matrices: weights by counts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .data import Gold
from .metrics import Floats, Ints
from .predictions import fill_types
from .texts import Texts

# Whether the metric is a mean over types; else one ratio over all of them
IS_MACRO = {"token_macro_f1": True, "entity_micro_f1": False, "text_set_f1": False}


class Tally(NamedTuple):
    """What one system got right and said, by sentence."""

    hits: Ints  # (n_sentences, n_columns): a column for each type, or one
    predicted: Ints  # (n_sentences, n_columns)


class Reference:
    """The gold of some sentences, ready to count predictions against it."""

    def __init__(
        self, gold: Gold, labels: Sequence[str], weights: Ints | None = None
    ) -> None:
        """Set up.

        gold (Gold): The sentences, with their documents.
        labels (Sequence[str]): Labels, of which label i is type i + 1.
        weights (Optional[Ints]): Sub-tokens of each token, to count them as such.
        """
        self._gold = gold
        self._n_types = len(labels)
        self._n = len(gold.lengths)
        self._weights = weights
        self._offsets = gold.offsets
        self._rows = np.repeat(np.arange(self._n), gold.lengths)
        self._gaps = np.concatenate(([0], np.cumsum(~gold.annotated)))
        self._texts = Texts(gold)
        self._answers, _ = self._texts.keys(gold.spans, self._n_types)
        self._entities = self._key(gold.spans)
        full = self._count(gold.types, gold.spans)
        self.gold = {metric: full[metric].predicted for metric in IS_MACRO}

    def tally(self, spans: Ints) -> dict[str, Tally]:
        """Count what a system found.

        spans (Ints): Predicted entities, rows (start, end, type).
        RETURNS (dict[str, Tally]): By metric, see `IS_MACRO`.
        """
        return self._count(fill_types(spans, len(self._gold.types)), spans)

    def _count(self, types: Ints, spans: Ints) -> dict[str, Tally]:
        gold = self._gold
        # An entity with a token that has no annotation is neither right nor wrong
        spans = spans[self._gaps[spans[:, 1]] == self._gaps[spans[:, 0]]]
        rows = np.searchsorted(self._offsets, spans[:, 0], side="right") - 1
        right = np.isin(self._key(spans), self._entities)
        answers, cells = self._texts.keys(spans, self._n_types)
        told = cells // self._n_types
        known = np.isin(answers, self._answers)
        said = (gold.types >= 0) & (types > 0)
        return {
            "token_macro_f1": Tally(
                self._tokens(types, said & (types == gold.types)),
                self._tokens(types, said),
            ),
            "entity_micro_f1": Tally(self._column(rows[right]), self._column(rows)),
            "text_set_f1": Tally(self._column(told[known]), self._column(told)),
        }

    def _tokens(self, types: Ints, seen: np.ndarray) -> Ints:
        cells = self._rows[seen] * self._n_types + types[seen] - 1
        weights = None if self._weights is None else self._weights[seen]
        counts = np.bincount(cells, weights, minlength=self._n * self._n_types)
        return counts.astype("int64").reshape(self._n, self._n_types)

    def _column(self, rows: Ints) -> Ints:
        return np.bincount(rows, minlength=self._n)[:, None]

    def _key(self, spans: Ints) -> Ints:
        ends = spans[:, 0] * (len(self._gold.types) + 1) + spans[:, 1]
        return ends * (self._n_types + 1) + spans[:, 2]


def f1_of_sums(hits: Floats, predicted: Floats, gold: Floats) -> Floats:
    """F1 from sums over sentences; the mean over the types that the gold has.

    hits (Floats): (…, n_columns)
    predicted (Floats): (…, n_columns)
    gold (Floats): (…, n_columns)
    RETURNS (Floats): (…,)
    """
    whole = predicted + gold
    f1 = np.where(gold > 0, 2 * hits / np.maximum(whole, 1), 0.0)
    if f1.shape[-1] == 1:
        return np.asarray(f1[..., 0])
    # As in `metrics.score`: what a (re)sample has no gold of is left out of its mean
    n_present = np.broadcast_to(gold > 0, f1.shape).sum(axis=-1)
    return np.asarray(f1.sum(axis=-1) / np.maximum(n_present, 1))


def join(tallies: Sequence[Tally]) -> Ints:
    """RETURNS (Ints): Counts side by side, (n_sentences, n_tallies * 2 * n_columns):
    tally by tally, hits before predicted.
    """
    return np.concatenate([part for tally in tallies for part in tally], axis=1)
