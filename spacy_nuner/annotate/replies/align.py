"""Annotations -> mentions with their true character offsets in the text.

Whole words only, every occurrence, exact case first; only where there is no exact
match, a folded one. What is not found is recorded, never guessed (paper, Section 3.1:
the LLM gives no positions).
"""

from collections.abc import Iterable
from typing import Literal

from spacy_nuner.annotate.replies.fold import Folded, fold
from spacy_nuner.annotate.replies.parser import (
    GENERIC_CONCEPT,
    Reason,
    parse_reply,
    reply_lines,
)
from spacy_nuner.annotate.replies.words import is_whole
from spacy_nuner.types import Annotation, Drop, MatchKind, Mention

FoldedMode = Literal["fallback", "also", "never"]
GenericMode = Literal["sentence", "line"]
Offsets = tuple[int, int]


def place_reply(
    text: str,
    reply: str,
    *,
    folded: FoldedMode = "fallback",
    generic: GenericMode = "sentence",
) -> tuple[list[Mention], list[Drop]]:
    """Parse a reply to the annotation prompt and place it in its text.

    text (str): The sentence.
    reply (str): What the LLM answered.
    folded (FoldedMode): As in `place`.
    generic (GenericMode): What is left out for an annotation whose concept is
        "concept": the whole "sentence", as in Section 3.1 of the paper, or that "line".
    RETURNS (tuple[list[Mention], list[Drop]]): Mentions in the order of the text; and
        the lines that gave none. Every line of the reply that is not blank has at
        least one mention or exactly one drop.
    """
    annotations, drops = parse_reply(reply)
    left_out = [found for found in annotations if found.concept == GENERIC_CONCEPT]
    if left_out and generic == "sentence":
        return [], [
            Drop(index, line, "generic_concept") for index, line in reply_lines(reply)
        ]
    drops += [Drop(found.line, found.content, "generic_concept") for found in left_out]
    annotations = [found for found in annotations if found.concept != GENERIC_CONCEPT]
    mentions, unplaced = place(text, annotations, folded=folded)
    return mentions, sorted(drops + unplaced)


def place(
    text: str,
    annotations: Iterable[Annotation],
    *,
    folded: FoldedMode = "fallback",
) -> tuple[list[Mention], list[Drop]]:
    """Find all occurrences of the annotations' entities in a text.

    Mentions may nest and overlap, and a span may have several concepts; the same span
    with the same concept is there once.

    text (str): The text, as the LLM saw it.
    annotations (Iterable[Annotation]): What `parse_reply` gave.
    folded (FoldedMode): Whether mentions that differ in case, quotes, dashes, Unicode
        form or white space count: only for an entity with no exact match
        ("fallback"), beside exact ones ("also"), or "never".
    RETURNS (tuple[list[Mention], list[Drop]]): Mentions in the order of the text, and
        one drop for each annotation without any.
    """
    mentions: list[Mention] = []
    drops: list[Drop] = []
    seen: set[tuple[int, int, str]] = set()
    folded_text: Folded | None = None
    for annotation in annotations:
        entity, concept, description, line, content, forms = annotation
        forms = forms or (entity,)
        found: list[tuple[int, int, MatchKind]] = []
        for form in forms:
            if hits := _find_exact(text, form):
                found = [(start, end, "exact") for start, end in hits]
                break
        if (folded == "fallback" and not found) or folded == "also":
            if folded_text is None:
                folded_text = fold(text)
            for form in forms:
                if more := _find_folded(text, folded_text, form, found):
                    found += [(start, end, "folded") for start, end in more]
                    break
        n_before = len(mentions)
        for start, end, match in found:
            if (start, end, concept) not in seen:
                seen.add((start, end, concept))
                mentions.append(Mention(start, end, concept, description, match, line))
        if len(mentions) == n_before:
            reason = "duplicate" if found else _reason_missed(text, folded_text, forms)
            drops.append(Drop(line, content or entity, reason))
    mentions.sort()
    return mentions, drops


def _find_exact(text: str, form: str) -> list[Offsets]:
    """All non-overlapping whole-word occurrences of a form."""
    found: list[Offsets] = []
    start = text.find(form) if form else -1
    while start != -1:
        end = start + len(form)
        if is_whole(text, start, end):
            found.append((start, end))
        else:
            end = start + 1
        start = text.find(form, end)
    return found


def _find_folded(
    text: str,
    folded: Folded,
    form: str,
    taken: Iterable[tuple[int, int, MatchKind]],
) -> list[Offsets]:
    """All occurrences of a form that are equal to it when both are folded."""
    needle = fold(form).text.strip()
    found: list[Offsets] = []
    at = folded.text.find(needle) if needle else -1
    while at != -1:
        offsets = folded.offsets(at, at + len(needle))
        if (
            offsets is not None
            and is_whole(text, *offsets)
            and not any(
                start < offsets[1] and offsets[0] < end for start, end, _ in taken
            )
        ):
            found.append(offsets)
            at += len(needle)
        else:
            at += 1
        at = folded.text.find(needle, at)
    return found


def _reason_missed(text: str, folded: Folded | None, forms: Iterable[str]) -> Reason:
    """Why no form was found: only inside longer words, or not at all."""
    if folded is None:  # folding is off
        return "inside_word" if any(form in text for form in forms) else "not_found"
    needles = [fold(form).text.strip() for form in forms]
    inside = any(needle and needle in folded.text for needle in needles)
    return "inside_word" if inside else "not_found"
