"""Reply of an LLM -> its parts: lines, or the elements of a list in JSON.

A model that was asked for JSON, or likes it, answers `{"entities": [{"entity": …,
"concept": …, "description": …}]}`, with or without the object around the list, in a
code fence, or one object per line. Where it is broken or cut off, what can be read is
kept.
"""

import json
import re
from typing import Any, Final, Literal

Elements = list[tuple[int, str]]

_START: Final = re.compile(r"\s*(?:```\w*\s*)?(?=\{\s*[\"}]|\[\s*[{\]])")
_FILLER: Final = re.compile(r"[\s,]*")
_BETWEEN: Final = re.compile(r"(?:[\s,]|```\w*)*")
_COLON: Final = re.compile(r"(?:\s*:\s*)?")
# What may follow the elements without being one
_CLOSING: Final = re.compile(r"[\s\]}`,]*")
_ENTITY: Final = ("entity", "text")
_CONCEPT: Final = ("concept", "type")
_DESCRIPTION: Final = ("description",)
_MAX_BROKEN: Final = 100  # places to read on after; the time is their number × length
_DECODER: Final = json.JSONDecoder()


def is_json(reply: str) -> bool:
    """Whether a reply is meant as JSON.

    reply (str): What the LLM answered.
    RETURNS (bool): True if it begins as an object or a list of objects does.
    """
    return _START.match(reply) is not None


def reply_lines(reply: str) -> Elements:
    """The parts of a reply: its lines that are not blank, or its elements of JSON.

    Each of them ends as at least one mention or as exactly one drop.

    reply (str): What the LLM answered.
    RETURNS (list[tuple[int, str]]): Index of the line from 0 (blank lines count), or of
        the element, and what it holds.
    """
    if is_json(reply):
        return list(enumerate(_split_elements(reply)))
    lines = enumerate(reply.split("\n"))
    return [(index, line.rstrip("\r")) for index, line in lines if line.strip()]


def count_lines(reply: str) -> int:
    """RETURNS (int): Parts of a reply; lines are counted apart from the parser."""
    if is_json(reply):
        return len(_split_elements(reply))
    return sum(1 for line in reply.split("\n") if line.strip())


def split_element(element: str) -> tuple[list[str], Literal["malformed"] | None]:
    """Take the fields of an element of JSON.

    element (str): From `reply_lines`.
    RETURNS (tuple[list[str], Literal["malformed"] | None]): Entity, concept and
        description; or no fields and why.
    """
    try:
        value = json.loads(element)
    except (ValueError, RecursionError):
        return [], "malformed"
    if not isinstance(value, dict):
        return [], "malformed"
    fields = [_get(value, names) for names in (_ENTITY, _CONCEPT, _DESCRIPTION)]
    if fields[0] is None or (fields[1] is None and "entity" not in value):
        return [], "malformed"
    return [field or "" for field in fields], None


def _get(value: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of some keys that holds a string or a number."""
    found = (value.get(name) for name in names)
    return next((str(v) for v in found if _is_plain(v)), None)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _split_elements(reply: str) -> list[str]:
    """The elements as they are written; what can't be read is an element, too."""
    match = _START.match(reply)
    position = match.end() if match else 0
    elements: list[str] = []
    after = None  # where the object around the list ends
    in_list = False
    n_broken = 0
    while True:
        position = _skip(_FILLER if in_list else _BETWEEN, reply, position)
        # the replies of two turns are two lists, one after the other
        if not in_list and (inner := _enter_list(reply, position)) is not None:
            after = _read_value(reply, position) if reply[position] == "{" else None
            in_list, position = True, inner
            continue
        if position == len(reply) or _CLOSING.fullmatch(reply, position):
            return elements
        if in_list and reply[position] == "]":
            in_list, position = False, after or position + 1
            continue
        end = _read_value(reply, position)
        if end is None:
            n_broken += 1
            end = _find_next(reply, position, n_broken)
        elements.append(reply[position:end].rstrip(", \n\r\t"))
        position = end


def _enter_list(reply: str, position: int) -> int | None:
    """Where the elements begin of a list that begins here, or in an object."""
    if reply.startswith("[", position):
        return position + 1
    return _find_list(reply, position) if reply.startswith("{", position) else None


def _find_list(reply: str, start: int) -> int | None:
    """Where the elements begin in the list that an object holds, if it holds one."""
    position = start + 1
    while True:
        position = _skip(_FILLER, reply, position)
        try:
            key, position = _DECODER.raw_decode(reply, position)
        except (ValueError, RecursionError):
            return None
        colon = _skip(_COLON, reply, position)
        if colon == position or key == _ENTITY[0]:
            return None
        position = colon
        if reply.startswith("[", position):
            return position + 1
        end = _read_value(reply, position)
        if end is None:
            return None
        position = end


def _skip(pattern: re.Pattern[str], reply: str, position: int) -> int:
    """Where a pattern ends that may match nothing."""
    match = pattern.match(reply, position)
    return match.end() if match else position


def _read_value(reply: str, start: int) -> int | None:
    """Where the value ends that begins here, None if it is broken."""
    try:
        return _DECODER.raw_decode(reply, start)[1]
    except (ValueError, RecursionError):
        return None


def _find_next(reply: str, start: int, n_broken: int) -> int:
    """Where something begins that can be read again, after what can't."""
    position = start
    for _ in range(_MAX_BROKEN - n_broken):
        position = reply.find("{", position + 1)
        if position < 0:
            break
        if _read_value(reply, position) is not None:
            return position
    return len(reply)
