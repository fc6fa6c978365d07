"""Fold a text so that spellings compare equal, with the way back to true offsets.

Folded: case (with the Turkish i's, ß and ligatures), NFC/NFD, curly quotes, dashes, any
white space, and characters without width. Lengths change on the way ("İ".lower() has
two characters), so each folded character keeps the stretch of text it came from.
"""

import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

_SAME: Final[dict[int, str]] = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´ʼ＇", "'"),
        **dict.fromkeys("“”„‟″«»＂", '"'),
        **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
        "…": "...",
    }
)
# zero-width space and joiners, word joiner, BOM, soft hyphen, marks of direction
_NO_WIDTH: Final = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f")
_ODD_SPACE: Final = ("  ", "\n", "\t", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f")


class Folded(NamedTuple):
    """A folded text; `starts` and `ends` are None where offsets did not change."""

    text: str
    starts: list[int] | None = None  # (n_folded,) offset in the text
    ends: list[int] | None = None  # (n_folded,) exclusive

    def offsets(self, start: int, end: int) -> tuple[int, int] | None:
        """Where a folded stretch stands in the text.

        start (int): Offset in the folded text.
        end (int): The same, exclusive; larger than start.
        RETURNS (tuple[int, int] | None): Offsets in the text; None if the stretch cuts
            a character of the text in two, such as the "s" out of "ß".
        """
        starts, ends = self.starts, self.ends
        if starts is None or ends is None:
            return start, end
        if start > 0 and starts[start] == starts[start - 1]:
            return None
        if end < len(starts) and starts[end] == starts[end - 1]:
            return None
        return starts[start], ends[end - 1]


def fold(text: str) -> Folded:
    """Fold a text.

    text (str): Any text.
    RETURNS (Folded): The folded text with its offsets.
    """
    if text.isascii() and not any(space in text for space in _ODD_SPACE):
        return Folded(text.lower())
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    start, n = 0, len(text)
    while start < n:
        end = start + 1
        while end < n and unicodedata.combining(text[end]):
            end += 1
        cluster = text[start:end]
        if cluster.isspace():
            if folded and folded[-1] == " ":
                ends[-1] = end
            else:
                folded.append(" ")
                starts.append(start)
                ends.append(end)
        else:
            for character in _fold_cluster(cluster):
                folded.append(character)
                starts.append(start)
                ends.append(end)
        start = end
    return Folded("".join(folded), starts, ends)


@lru_cache(maxsize=4096)
def _fold_cluster(cluster: str) -> str:
    """Fold one character with the marks that stand on it."""
    if cluster in _NO_WIDTH or "\ufe00" <= cluster <= "\ufe0f":
        return ""
    folded = unicodedata.normalize("NFD", cluster.translate(_SAME)).casefold()
    # Turkish İ and ı count as i; their casefold keeps the dot apart
    folded = unicodedata.normalize("NFD", folded).replace("i\u0307", "i")
    return folded.replace("ı", "i")
