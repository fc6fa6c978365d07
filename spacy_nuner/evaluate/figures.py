"""The figures of a cell, from entities alone: for systems that have nothing else."""

from collections.abc import Sequence
from typing import Any

from .data import Gold
from .metrics import Ints, score
from .mistakes import count_mistakes
from .predictions import fill_types
from .texts import Texts, count_texts


def score_entities(gold: Gold, spans: Ints, labels: Sequence[str]) -> dict[str, Any]:
    """Score entities by words, by entities and by strings.

    gold (Gold): The tested sentences.
    spans (Ints): Predicted entities, rows (start, end, type).
    labels (Sequence[str]): Labels, of which label i is type i + 1.
    RETURNS (dict[str, Any]): Fields as in docs/evaluation.md.
    """
    figures = score(
        gold.types,
        gold.spans,
        fill_types(spans, len(gold.types)),
        spans,
        labels,
        annotated=gold.annotated,
    )
    found = count_texts(Texts(gold), gold.spans, spans, len(labels)).micro()
    return {
        **figures,
        "text_set_f1": float(found.f1),
        "text_set_p": float(found.precision),
        "text_set_r": float(found.recall),
        "mistakes": count_mistakes(gold.spans, spans),
    }
