"""Entities with confidences on a doc, beside entities that are there before."""

from collections.abc import Iterable, Sequence

import numpy as np
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc, Span, SpanGroup

from ..errors import Errors
from .decode import Entity, Floats, Ints, Spaces, read_entities
from .settings import Settings

N_SHOWN = 5


def find_spaces(docs: Iterable[Doc]) -> Spaces:
    """Find the white space in docs, end to end.

    docs (Iterable[Doc]): The docs.
    RETURNS (Spaces): For all tokens.
    """
    spaces, breaks = [np.zeros(0, dtype=bool)], [np.zeros(0, dtype=bool)]
    for doc in docs:
        # Not token by token, which takes longer than all else here
        is_space = doc.to_array(IS_SPACE).astype(bool)
        is_break = np.zeros(len(doc), dtype=bool)
        for i in np.flatnonzero(is_space).tolist():
            is_break[i] = has_break(doc[i].text)
        spaces.append(is_space)
        breaks.append(is_break)
    return Spaces(np.concatenate(spaces), np.concatenate(breaks))


def has_break(text: str) -> bool:
    """Whether white space ends a line (also by the separators of Unicode)."""
    return text.splitlines() != [text]


def annotate(
    docs: Sequence[Doc],
    tags: Ints,
    probs: Floats,
    spaces: Spaces,
    labels: tuple[str, ...],
    settings: Settings,
    name: str,
) -> None:
    """Set the entities of docs from tags that stand end to end.

    docs (Sequence[Doc]): The docs.
    tags (Ints): Tag of each token, (n_tokens,).
    probs (Floats): Probabilities of the tags, (n_tokens, n_tags).
    spaces (Spaces): The white space in the docs.
    labels (tuple[str, ...]): The labels.
    settings (Settings): Settings of the pipe.
    name (str): Name of the pipe, for errors.
    """
    start = 0
    for doc in docs:
        part = slice(start, start + len(doc))
        own = Spaces(*(flags[part] for flags in spaces))
        entities = read_entities(tags[part], probs[part], own, settings.n_prefixes)
        set_entities(
            doc,
            entities,
            labels,
            spans_key=settings.spans_key,
            on_existing=settings.on_existing,
            name=name,
        )
        start += len(doc)


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
