"""Characters that do something without being seen, in words of others.

Sentences come from web pages, concepts and descriptions from an LLM that has read them.
Control characters can steer a terminal, marks of direction can turn a line of a page
around, tags (U+E0000) are words that only a machine reads.
"""

import re
from html import escape
from typing import Final

# no "\t" and "\n" among them: white space is the caller's matter
_CONTROLS: Final = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u2028\u2029"
_DIRECTION: Final = "\u202a-\u202e\u2066-\u2069"
_MACHINES: Final = (
    "\ud800-\udfff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f\U000e0100-\U000e01ef"
)
_HARMFUL: Final = re.compile(f"[{_CONTROLS}{_DIRECTION}{_MACHINES}]")
# Not the joiners U+200C and U+200D, which change how Persian and emoji are written
_WITHOUT_WIDTH: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff"
    f"{_DIRECTION}{_MACHINES}]"
)
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
# What Markdown reads as markup after HTML has been escaped; addresses, and "@name" and
# "$" where GitHub shows it
_MARKDOWN: Final = re.compile(
    r"([\\`*_{}\[\]|#~@$]|:(?=//)|(?<=\bwww)\.)", re.IGNORECASE
)


def strip_unseen(text: str) -> str:
    """Take out what is not to be seen; control characters become spaces.

    text (str): Words of others, such as a concept.
    RETURNS (str): The same to the eye.
    """
    if text.isprintable():
        return text
    return _WITHOUT_WIDTH.sub("", _CONTROL.sub(" ", text))


def mark_unseen(text: str) -> str:
    """Show harmful characters as "�", for pages. Offsets stay what they are.

    text (str): Words of others, such as a sentence.
    RETURNS (str): A text of the same length.
    """
    return text if text.isprintable() else _HARMFUL.sub("\ufffd", text)


def spell_unseen(text: str) -> str:
    r"""Spell harmful characters out ("\x1b"), for terminals and logs.

    text (str): Words of others. Line breaks and tabs stay.
    RETURNS (str): A text that a terminal shows and does not obey.
    """
    if text.isprintable():
        return text
    return _HARMFUL.sub(lambda match: ascii(match[0])[1:-1], text)


def escape_html(text: object) -> str:
    """Make a text safe within HTML or SVG, also within an attribute in quotes.

    text (object): Words of others.
    RETURNS (str): The same to the eye.
    """
    return escape(mark_unseen(str(text)))


def escape_md(text: object) -> str:
    """Make a text safe within a Markdown table: no markup, no HTML, no link, one line.

    text (object): Words of others, such as a concept that an LLM came up with.
    RETURNS (str): The same to the eye.
    """
    line = mark_unseen(" ".join(str(text).split()))
    return _MARKDOWN.sub(r"\\\1", escape(line, quote=False))
