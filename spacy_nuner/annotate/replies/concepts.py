"""What may be a concept or a description: words of an LLM that may have been steered.

A sentence of a web page can tell the LLM what to answer. Entities are looked for in the
sentence, so nothing else gets in there; concepts and descriptions are free text, and
these rules are what keeps them plain.
"""

import re
from typing import Final

from spacy_nuner.plain import strip_unseen

MAX_CONCEPT: Final = 100  # characters; the longest of 43,409 in the sample has 30
MAX_DESCRIPTION: Final = 500  # the longest there has 41
_LABEL = re.compile(r"(?:entity )?(?:concept|type|description)\s*:\s+", re.IGNORECASE)
_QUOTES: Final = (
    *(('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("‘", "’"), ("«", "»")),
    ("[", "]"),
)
_WORDS = re.compile(r"[\w /-]*")
# An address, HTML (as tags or escaped), or a template
_NO_PHRASE: Final = re.compile(
    r"://|\bwww\.|\b(?:javascript|vbscript|data|mailto):\S"
    r"|<\s*[/!?]?\s*[a-z]|&(?:lt|gt|#\d+|#x[0-9a-f]+);"
    r"|\{\{|\}\}|\{%|%\}|\$\{",
    re.IGNORECASE,
)


def is_too_long(field: str) -> bool:
    """Whether a concept, as written, is longer than concepts are: a text of its own."""
    return len(" ".join(field.split())) > MAX_CONCEPT


def is_phrase(concept: str) -> bool:
    """Whether a concept is words, not an address, HTML or a template."""
    # nearly all are words and spaces, which takes a tenth of the time to see
    return bool(_WORDS.fullmatch(concept)) or _NO_PHRASE.search(concept) is None


def clean_concept(field: str) -> str:
    """A concept in lower case, with single spaces, no markup and nothing unseen.

    field (str): The field as the LLM wrote it.
    RETURNS (str): The concept.
    """
    if not field.isprintable():
        field = strip_unseen(field)
    field = _clean(field).rstrip(",;:")
    return " ".join(field.split()).lower()


def clean_description(field: str) -> str:
    """A description without markup and anything unseen, cut where it is long.

    field (str): The field as the LLM wrote it.
    RETURNS (str): The description.
    """
    if field.isprintable() and len(field) <= MAX_DESCRIPTION:
        return _clean(field)
    # of a very long one, no more is looked at than may be kept
    field = _clean(strip_unseen(field.strip()[: 2 * MAX_DESCRIPTION]))
    return " ".join(field.split())[:MAX_DESCRIPTION]


def _clean(field: str) -> str:
    """A field without the markup, the label and the quotes around it."""
    field = field.strip()
    if field[:1].isalnum() and field[-1].isalnum() and ":" not in field:
        return field
    before = None
    while field != before:
        before = field
        field = field.strip("*_`|~ \t")
        field = _LABEL.sub("", field, count=1) if ":" in field else field
        for left, right in _QUOTES:
            inner = field[1:-1]
            if field[:1] == left and field[-1:] == right and left not in inner:
                field = inner
        if field.count('"') == 1:
            field = field.strip('"')
    return field
