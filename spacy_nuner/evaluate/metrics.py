"""Token macro F1 (paper, Section 4.1) and entity micro F1 from arrays of tags.

A set of sentences is one long array of types (0 none, 1 … n_types, -1 not annotated)
and the sentences' lengths; entities are rows (start, end, type) in positions of that
array. docs/evaluation.md says what each figure means and what it leaves out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Counts(NamedTuple):
    """True positives, predicted and gold items of each class."""

    hits: Ints  # (n_classes,)
    predicted: Ints  # (n_classes,)
    gold: Ints  # (n_classes,)

    @property
    def precision(self) -> Floats:
        return _ratio(self.hits, self.predicted)

    @property
    def recall(self) -> Floats:
        return _ratio(self.hits, self.gold)

    @property
    def f1(self) -> Floats:
        return _ratio(2 * self.hits, self.predicted + self.gold)

    def micro(self) -> "Counts":
        return Counts(*(np.asarray(part.sum()) for part in self))


def _ratio(part: Ints, whole: Ints) -> Floats:
    """0 where there is nothing to divide by: nothing found is never a success."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0.0)


def split_tags(
    ids: Ints, tags: Sequence[str], labels: Sequence[str]
) -> tuple[Ints, Bools]:
    """Split tags of a pipe into types and "begins a mention".

    ids (Ints): Index into tags of each token; -1 stays -1.
    tags (Sequence[str]): The pipe's tags: "O", "I-ARTIST", with BIO also "B-ARTIST".
    labels (Sequence[str]): Labels, of which label i is type i + 1.
    RETURNS (tuple[Ints, Bools]): Types; True where the tag is a "B-" tag.
    """
    number = {label: i + 1 for i, label in enumerate(labels)}
    types = np.array([number.get(tag[2:], 0) for tag in tags] + [-1], dtype="int64")
    begins = np.array([tag.startswith("B-") for tag in tags] + [False])
    return types[ids], begins[ids]


def find_spans(
    types: Ints,
    lengths: Ints,
    begins: Bools | None = None,
    skip: Bools | None = None,
) -> Ints:
    """Read entities off the types: maximal runs within a sentence.

    types (Ints): Type of each token.
    lengths (Ints): Tokens per sentence.
    begins (Optional[Bools]): True where a new mention starts in any case.
    skip (Optional[Bools]): True for tokens to look through (white space): they may lie
        within an entity, never at its edge.
    RETURNS (Ints): Rows (start, end, type), in order.
    """
    places = np.arange(len(types)) if skip is None else np.flatnonzero(~skip)
    if not len(places):
        return np.zeros((0, 3), dtype="int64")
    row = np.repeat(np.arange(len(lengths)), lengths)[places]
    seen = types[places]
    first = np.ones(len(places), dtype=bool)
    first[1:] = (seen[1:] != seen[:-1]) | (row[1:] != row[:-1])
    if begins is not None:
        first |= begins[places]
    starts = np.flatnonzero(first)
    lasts = np.append(starts[1:], len(places)) - 1
    rows = np.stack([places[starts], places[lasts] + 1, seen[starts]], axis=1)
    return rows[rows[:, 2] > 0]


def count_tokens(
    gold: Ints, predicted: Ints, n_classes: int, weights: Ints | None = None
) -> Counts:
    """Count tokens by class, "None" (class 0) included; -1 in the gold is left out.

    gold (Ints): Gold class of each token.
    predicted (Ints): Predicted class of each token.
    n_classes (int): Number of classes.
    weights (Optional[Ints]): How often each token counts; None: once.
    RETURNS (Counts): Counts by class.
    """
    seen = gold >= 0
    cells = gold[seen] * n_classes + predicted[seen]
    times = None if weights is None else weights[seen]
    matrix = np.bincount(cells, times, minlength=n_classes**2).astype("int64")
    matrix = matrix.reshape(n_classes, n_classes)
    return Counts(matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1))


def count_entities(
    gold: Ints, predicted: Ints, n_types: int, annotated: Bools
) -> Counts:
    """Count entities by type; right is the same start, end and type.

    A predicted entity with a token that has no annotation is neither right nor wrong,
    as in spaCy's scorer.

    gold (Ints): Rows (start, end, type).
    predicted (Ints): Rows (start, end, type).
    n_types (int): Number of types.
    annotated (Bools): True for each token with an annotation.
    RETURNS (Counts): Counts of the types 1 … n_types, at positions 0 … n_types - 1.
    """
    gaps = np.concatenate(([0], np.cumsum(~annotated)))
    predicted = predicted[gaps[predicted[:, 1]] == gaps[predicted[:, 0]]]
    hits = predicted[
        np.isin(
            _keys(predicted, n_types, annotated.size),
            _keys(gold, n_types, annotated.size),
        )
    ]
    return Counts(
        *(
            np.bincount(rows[:, 2] - 1, minlength=n_types)
            for rows in (hits, predicted, gold)
        )
    )


def _keys(rows: Ints, n_types: int, n_tokens: int) -> Ints:
    rows = rows.astype("int64")
    return (rows[:, 0] * (n_tokens + 1) + rows[:, 1]) * (n_types + 1) + rows[:, 2]


def score(
    gold_types: Ints,
    gold_spans: Ints,
    types: Ints,
    spans: Ints,
    labels: Sequence[str],
    *,
    annotated: Bools | None = None,
    weights: Ints | None = None,
) -> dict[str, Any]:
    """Score predictions: the metrics of a cell.

    The macro average is over the types that occur in the gold; a type that does not
    occur has no recall, and both ways to give it a value (0 or 1) would reward or
    punish the choice of test set. What is wrongly found of it lowers the entity
    figures.

    gold_types (Ints): Gold type of each token; 0 none, -1 not counted.
    gold_spans (Ints): Gold entities, rows (start, end, type).
    types (Ints): Predicted type of each token.
    spans (Ints): Predicted entities.
    labels (Sequence[str]): Labels, of which label i is type i + 1.
    annotated (Optional[Bools]): Tokens on which entities count; None: where the gold
        type is not -1. White space is no word, but does not spoil an entity.
    weights (Optional[Ints]): Sub-tokens of each token, to count those; None: words.
    RETURNS (dict[str, Any]): Fields as in docs/evaluation.md, all from 0 to 1.
    RAISES (ValueError): If lengths differ or the gold has no entity at all.
    """
    if len(gold_types) != len(types):
        raise ValueError(Errors.N503.format(gold=len(gold_types), got=len(types)))
    n_types = len(labels)
    annotated = gold_types >= 0 if annotated is None else annotated
    token = count_tokens(gold_types, types, n_types + 1, weights)
    entity = count_entities(gold_spans, spans, n_types, annotated)
    present = np.flatnonzero(token.gold[1:]) + 1
    if not len(present):
        raise ValueError(Errors.N504.format(labels=", ".join(labels)))
    f1 = token.f1
    micro = entity.micro()
    columns = {
        "token_p": token.precision[1:],
        "token_r": token.recall[1:],
        "token_f1": f1[1:],
        "entity_p": entity.precision,
        "entity_r": entity.recall,
        "entity_f1": entity.f1,
    }
    per_type = {
        label: {name: float(values[i]) for name, values in columns.items()}
        | {"n_gold": int(entity.gold[i])}
        for i, label in enumerate(labels)
    }
    return {
        "token_macro_f1": float(f1[present].mean()),
        "token_macro_f1_with_none": float(f1[np.append(0, present)].mean()),
        "entity_micro_f1": float(micro.f1),
        "entity_micro_p": float(micro.precision),
        "entity_micro_r": float(micro.recall),
        "per_type": per_type,
    }
