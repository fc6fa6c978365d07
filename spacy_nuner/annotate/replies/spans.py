"""Mentions -> spans of a spaCy Doc. Only here do tokens come in."""

from collections.abc import Iterable
from typing import Final

from spacy.tokens import Doc, Span

from spacy_nuner.annotate.replies.words import is_word
from spacy_nuner.types import Drop, Mention

SPANS_KEY: Final = "concepts"


def set_concept_spans(
    doc: Doc, mentions: Iterable[Mention], *, spans_key: str = SPANS_KEY
) -> list[Drop]:
    """Write mentions to a Doc: a span each, whose label is the concept.

    A mention must begin and end where tokens do. One that does not takes in the rest
    of its tokens if that is only punctuation ("U.S" of the token "U.S."), never part
    of a word. `doc.user_data["descriptions"]` holds the descriptions in the order of
    the spans.

    doc (Doc): The tokenized text that the mentions were placed in.
    mentions (Iterable[Mention]): What `place_reply` gave.
    spans_key (str): Name of the span group.
    RETURNS (list[Drop]): A drop for each mention that is off the token edges, or that
        fell together with another of the same concept.
    """
    text = doc.text
    starts = {token.idx: token.i for token in doc}
    ends = {token.idx + len(token): token.i + 1 for token in doc}
    spans: list[Span] = []
    descriptions: list[str] = []
    seen: set[tuple[int, int, str]] = set()
    drops: list[Drop] = []
    for start, end, concept, description, _, line in mentions:
        first, last = starts.get(start), ends.get(end)
        if first is None or last is None:
            first, last = find_tokens(doc, start, end)
        if first == last:
            content = f"{text[start:end]} <> {concept}"
            drops.append(Drop(line, content, "token_edges"))
        elif (first, last, concept) in seen:
            content = f"{text[start:end]} <> {concept}"
            drops.append(Drop(line, content, "duplicate"))
        else:
            seen.add((first, last, concept))
            spans.append(Span(doc, first, last, label=concept))
            descriptions.append(description)
    doc.spans[spans_key] = spans
    doc.user_data["descriptions"] = descriptions
    return drops


def find_tokens(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Find the tokens that a stretch of text covers.

    doc (Doc): The tokenized text.
    start (int): Offset of the stretch.
    end (int): The same, exclusive.
    RETURNS (tuple[int, int]): First token, and the one after the last. (0, 0) if the
        tokens at the edges hold more than punctuation beside the stretch.
    """
    span = doc.char_span(start, end, alignment_mode="expand")
    if span is None:
        return 0, 0
    added = doc.text[span.start_char : start] + doc.text[end : span.end_char]
    if any(is_word(character) for character in added):
        return 0, 0
    return span.start, span.end
