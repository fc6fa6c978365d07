"""Where words begin and end, in any script, without a tokenizer."""

import unicodedata

# Scripts written without spaces: Thai to Myanmar, Khmer, kana and Han ideographs
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3021, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)
_JOINERS = "\u00ad\u2060"  # soft hyphen and word joiner stand inside of words
_EMOJI_JOINER = "\u200d"


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether a stretch of a text cuts no word and no number in two.

    text (str): The text.
    start (int): Offset of the stretch.
    end (int): The same, exclusive; larger than start.
    RETURNS (bool): True if neither edge lies inside a word.
    """
    if start > 0:
        before = text[start - 1]
        if before != " " and _cuts(before, text[start]):
            return False
        if before in ".,:" and _is_in_number(text, start - 1):
            return False
    if end < len(text):
        after = text[end]
        if after != " " and _cuts(text[end - 1], after):
            return False
        if after in ".,:" and _is_in_number(text, end):
            return False
    return True


def is_word(character: str) -> bool:
    """Whether a character can be inside a word: letter, digit, mark, underscore."""
    return (
        character.isalnum()
        or character == "_"
        or character in _JOINERS
        or unicodedata.category(character)[0] == "M"
    )


def _cuts(left: str, right: str) -> bool:
    """Whether an edge between two characters would cut a word or a character."""
    if left.isascii() and right.isascii():
        return (left.isalnum() or left == "_") and (right.isalnum() or right == "_")
    if unicodedata.category(right)[0] == "M" or _EMOJI_JOINER in (left, right):
        return True
    if "\U0001f3fb" <= right <= "\U0001f3ff":  # skin tone of an emoji
        return True
    if _is_unspaced(left) or _is_unspaced(right):
        return False
    return is_word(left) and is_word(right)


def _is_in_number(text: str, at: int) -> bool:
    """Whether the mark at an offset stands between two digits: 3.5, 1,000, 9:01."""
    inside = 0 < at < len(text) - 1
    return inside and text[at - 1].isdigit() and text[at + 1].isdigit()


def _is_unspaced(character: str) -> bool:
    """Whether a character belongs to a script without spaces between words."""
    code = ord(character)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _UNSPACED)
