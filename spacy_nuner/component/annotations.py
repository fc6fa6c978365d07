"""Entities with confidences on a doc, beside entities that are there before."""

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup

from ..errors import Errors
from .decode import Entity, decode

ON_EXISTING = ("overwrite", "keep", "raise")
N_SHOWN = 5


def decode_doc(doc: Doc, probs: NDArray[np.float32], n_prefixes: int) -> list[Entity]:
    """Read entities off the probabilities of a doc's tags.

    doc (Doc): The doc.
    probs (NDArray[np.float32]): (n_tokens, n_tags).
    n_prefixes (int): Tags per label: 1 (io) or 2 (bio).
    RETURNS (list[Entity]): The entities.
    """
    is_space = np.array([token.is_space for token in doc], dtype=bool)
    breaks = [token.is_space and has_break(token.text) for token in doc]
    return decode(
        probs,
        n_prefixes=n_prefixes,
        is_space=is_space,
        is_break=np.array(breaks, dtype=bool),
    )


def has_break(text: str) -> bool:
    """Whether white space ends a line (also by the separators of Unicode)."""
    return text.splitlines() != [text]


def set_entities(
    doc: Doc,
    entities: list[Entity],
    labels: tuple[str, ...],
    *,
    spans_key: str,
    on_existing: str,
    name: str,
) -> None:
    """Set `doc.ents`, and `doc.spans[spans_key]` with `attrs["scores"]`.

    The span group holds what the pipe itself found and kept, in order of the text.

    doc (Doc): The doc.
    entities (list[Entity]): What was found.
    labels (tuple[str, ...]): Labels that entities refer to by index.
    spans_key (str): Name of the span group.
    on_existing (str): "overwrite" entities that are there, "keep" them where they
        overlap, or "raise" an error if there are any.
    name (str): Name of the pipe, for the error.
    RAISES (ValueError): See on_existing.
    """
    existing = list(doc.ents)
    if existing and on_existing == "raise":
        shown = ", ".join(f"{e.text} ({e.label_})" for e in existing[:N_SHOWN])
        raise ValueError(Errors.N411.format(ents=shown, name=name))
    if on_existing == "overwrite":
        existing = []
    taken = {i for ent in existing for i in range(ent.start, ent.end)}
    kept = [e for e in entities if taken.isdisjoint(range(e.start, e.end))]
    spans = [Span(doc, e.start, e.end, label=labels[e.label]) for e in kept]
    doc.set_ents([*existing, *spans])
    group = SpanGroup(doc, name=spans_key, spans=spans)
    group.attrs["scores"] = np.array([e.confidence for e in kept], dtype="float32")
    doc.spans[spans_key] = group
