"""Replies to "What describes … in the text?" -> the strings of their list.

UniversalNER answers with a JSON list. Its own evaluation takes anything else for an
empty list; here what can be read is read, and the rest handed back with a reason.
"""

import json
import re
from typing import Any, Final, Literal, NamedTuple

LostReason = Literal["no_list", "truncated", "not_string", "empty", "after_end"]
# What these mean is said in docs/other_systems.md; those of placing come beside
LOST_REASONS: Final[tuple[LostReason, ...]] = (
    "no_list",
    "truncated",
    "not_string",
    "empty",
    "after_end",
)
# Where a model that was not stopped goes on to talk to itself
_END: Final = re.compile(r"</s>|<\|im_end\|>|<\|endoftext\|>|\bUSER:|\bHuman:")
_CLOSERS: Final = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»"}
_GAP: Final = re.compile(r"[\s,]*")
_AFTER_ITEM: Final = re.compile(r"\s*(?:[,\]]|$)")
# "[" of prose comes before the list now and then; a reply of brackets alone must not
# cost a decoder's run for each of them
_MAX_STARTS: Final = 16
_DECODER: Final = json.JSONDecoder(
    strict=False, parse_int=str, parse_float=str, parse_constant=str
)


class Lost(NamedTuple):
    """A part of a reply that gave no string."""

    content: str
    reason: LostReason


def parse_list(reply: str) -> tuple[list[str], list[Lost]]:
    """Read the list of a reply.

    Understood besides JSON: prose and code fences around it, single and curly quotes,
    quotes within quotes, strings without quotes, a list that was cut off, the objects
    of structured output. The first list counts.

    reply (str): What the model answered.
    RETURNS (tuple[list[str], list[Lost]]): The strings, in order; and what was lost. A
        list that was cut off has at least one "truncated".
    """
    reply = _mend(reply)
    for start in _starts(reply):
        try:
            values, end = _DECODER.raw_decode(reply, start)
        except (ValueError, RecursionError):
            continue
        strings, lost = _take(values)
        return strings, lost + _look_after(reply[end:])
    return _scan_reply(reply)


def _starts(reply: str) -> list[int]:
    """Places of the first opening brackets."""
    found: list[int] = []
    start = reply.find("[")
    while start != -1 and len(found) < _MAX_STARTS:
        found.append(start)
        start = reply.find("[", start + 1)
    return found


def _take(values: list[Any]) -> tuple[list[str], list[Lost]]:
    """The strings of a decoded list."""
    strings: list[str] = []
    lost: list[Lost] = []
    for value in values:
        # UniversalNER's own reader knows lists of a string and more about it
        first = value[0] if isinstance(value, list) and value else value
        if not isinstance(first, str):
            lost.append(Lost(json.dumps(value, ensure_ascii=False), "not_string"))
        elif not first.strip():
            lost.append(Lost("", "empty"))
        else:
            strings.append(_mend(first.strip()))
    return strings, lost


def _look_after(rest: str) -> list[Lost]:
    """Another list, or a conversation that goes on; prose after the list is none."""
    rest = rest.strip()
    if "[" in rest or "USER:" in rest:
        return [Lost(rest, "after_end")]
    return []


def _scan_reply(reply: str) -> tuple[list[str], list[Lost]]:
    """Read a reply that holds no JSON list."""
    match = _END.search(reply)
    cut = match.start() if match else len(reply)
    body, rest = reply[:cut], reply[cut:]
    start = body.find("[")
    if start == -1:
        return [], [Lost(body.strip(), "no_list"), *_look_after(rest)]
    strings, lost, end = _scan_list(body, start + 1)
    return strings, lost + _look_after(body[end:] + rest)


def _scan_list(text: str, at: int) -> tuple[list[str], list[Lost], int]:
    """Read items one by one, from behind the bracket."""
    strings: list[str] = []
    lost: list[Lost] = []
    while True:
        at = _GAP.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            if not lost or lost[-1].reason != "truncated":
                # whatever would have followed: nobody knows what, so it counts
                lost.append(Lost("", "truncated"))
            return strings, lost, at
        if text[at] == "]":
            return strings, lost, at + 1
        item, at, whole = _scan_item(text, at)
        if not whole:
            lost.append(Lost(item, "truncated"))
        elif item:
            strings.append(item)
        else:
            lost.append(Lost("", "empty"))


def _scan_item(text: str, at: int) -> tuple[str, int, bool]:
    """Read an item: its string, where it ends, and whether its end is there."""
    closer = _CLOSERS.get(text[at])
    if closer is None:
        match = re.compile(r"[,\]]").search(text, at)
        end = match.start() if match else len(text)
        return text[at:end].strip(), end, match is not None
    end = text.find(closer, at + 1)
    while end != -1:
        # a quote ends the item only where an item can end: ['O'Neill']
        if not _is_escaped(text, end) and _AFTER_ITEM.match(text, end + 1):
            return _unescape(text[at + 1 : end]), end + 1, True
        end = text.find(closer, end + 1)
    return _unescape(text[at + 1 :]), len(text), False


def _is_escaped(text: str, at: int) -> bool:
    first = at
    while first and text[first - 1] == "\\":
        first -= 1
    return (at - first) % 2 == 1


def _unescape(raw: str) -> str:
    try:
        return _mend(str(json.loads(f'"{raw}"', strict=False)).strip())
    except ValueError:
        return raw.replace("\\'", "'").replace('\\"', '"').strip()


def _mend(text: str) -> str:
    """Half a surrogate pair, cut off by a model, can't be saved."""
    return text.encode("utf8", errors="replace").decode("utf8")
