"""Plain records that several rooms share. No imports from the package."""

from typing import Literal, NamedTuple

MatchKind = Literal["exact", "folded"]


class Annotation(NamedTuple):
    """One line of an LLM's reply: `entity <> concept <> description`."""

    entity: str  # as the LLM wrote it, markup stripped
    concept: str  # lower-cased, white space folded
    description: str  # "" where the line has none
    line: int  # index of the line in the reply, from 0
    content: str = ""  # the whole line as the LLM wrote it
    forms: tuple[str, ...] = ()  # spellings to look for in the text, best first


class Mention(NamedTuple):
    """A stretch of the text that instantiates a concept."""

    start: int  # character offset
    end: int  # character offset, exclusive
    concept: str
    description: str
    match: MatchKind  # "folded": case, quotes, dashes, NFC or white space differ
    line: int  # line of the reply that it comes from


class Drop(NamedTuple):
    """A line of a reply that gave no mention, and why."""

    line: int  # index of the line in the reply, from 0; -1: the whole reply
    content: str  # the line as the LLM wrote it
    reason: str  # one of spacy_nuner.annotate.replies.parser.REASONS
