"""What every reader of annotated sentences makes: a text and spans in characters."""

from pathlib import Path
from typing import NamedTuple

from ..errors import Errors

SHOWN = 80


class CharSpan(NamedTuple):
    """A labelled stretch of a text, as the annotation says."""

    start: int  # character
    end: int  # character, exclusive
    label: str


class Annotated(NamedTuple):
    """A sentence, or a longer text, and where it stands."""

    text: str
    spans: list[CharSpan]
    path: Path
    place: str  # "line 12", "record 3"
    missing: tuple[tuple[int, int], ...] = ()  # characters that nobody has annotated


class Problem(NamedTuple):
    """Something in a file that was not taken as it is, or that looks wrong."""

    kind: str  # one of `checks.KINDS`
    path: Path
    place: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}, {self.place}: {self.detail}"


def tell(kind: str, sentence: Annotated, detail: str) -> Problem:
    """RETURNS (Problem): Something about a sentence, with its place."""
    return Problem(kind, sentence.path, sentence.place, detail)


class Reading(NamedTuple):
    """What a file, or several, gave."""

    sentences: list[Annotated]
    problems: list[Problem]  # what was left out or looks wrong, never an error
    errors: list[str]  # of bad lines, where they are collected


def bad(path: Path, place: str, problem: str, got: object, expected: str) -> ValueError:
    """RETURNS (ValueError): The error of a line that cannot be read."""
    shown = str(got)
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + " …"
    return ValueError(
        Errors.N214.format(
            path=path, place=place, problem=problem, got=shown, expected=expected
        )
    )


def shorten(text: str, width: int = SHOWN) -> str:
    """RETURNS (str): A text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
