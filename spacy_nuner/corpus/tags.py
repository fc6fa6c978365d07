"""One border for all tag schemes: tags become spans, and nothing else sees tags."""

from collections.abc import Sequence
from typing import NamedTuple

OUTSIDE = "O"
BEGIN, INSIDE, END, SINGLE = "B", "I", "EL", "SU"  # E, S of BIOES; L, U of BILOU
PREFIXES = frozenset(BEGIN + INSIDE + END + SINGLE)


class TaggedSpan(NamedTuple):
    """A labelled stretch of tokens."""

    start: int  # token index
    end: int  # token index, exclusive
    label: str


def split_tag(tag: str) -> tuple[str, str] | None:
    """Split a tag into prefix and label.

    tag (str): such as "O", "B-cell_line", "I-Restaurant_Name".
    RETURNS (tuple[str, str] | None): prefix and label, ("O", "") for "O", and None for
        what is no tag of IO, IOB, IOB2, BIOES or BILOU.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, label = tag.partition("-")
    return (prefix, label) if dash and label and prefix in PREFIXES else None


def spans_from_tags(tags: Sequence[str]) -> tuple[list[TaggedSpan], int]:
    """Read the spans of a sentence, whatever the scheme.

    A span begins at B, S, U, and at any tag that does not continue a span of its
    label. In IO and IOB that is how spans begin; in the other schemes such an I, E or
    L is a slip, so the caller gets their number.

    tags (Sequence[str]): one tag per token, each one that `split_tag` can read.
    RETURNS (tuple[list[TaggedSpan], int]): the spans in order, and how many I, E or L
        tags did not continue a span of the same label.
    """
    spans: list[TaggedSpan] = []
    is_open, n_bad = False, 0
    for i, tag in enumerate(tags):
        prefix, label = split_tag(tag) or (OUTSIDE, "")
        if prefix == OUTSIDE:
            is_open = False
            continue
        continues = is_open and prefix in INSIDE + END and spans[-1].label == label
        if continues:
            spans[-1] = spans[-1]._replace(end=i + 1)
        else:
            n_bad += prefix in INSIDE + END
            spans.append(TaggedSpan(i, i + 1, label))
        is_open = prefix in BEGIN + INSIDE
    return spans, n_bad
