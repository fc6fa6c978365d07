"""What is no sentence worth asking an LLM about. Each filter is a pure function.

Rules of C4 (Raffel et al. 2020, section 2.2), Gopher (Rae et al. 2021, section A.1.1)
and RefinedWeb (Penedo et al. 2023, appendix G.2), brought from pages and lines to
sentences; those without a name are ours.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import MappingProxyType

from ...errors import Errors
from .sentences import Piece
from .settings import TextSettings

# Characters that steer terminals, turn lines around or are read by machines alone
# (tags, half a surrogate pair), and those of broken encodings; no text needs them
CONTROL = re.compile(
    "[\\x00-\\x08\\x0e-\\x1f\\x7f-\\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffd\ufffe\uffff\ue000-\uf8ff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
# "terminal punctuation mark (i.e. a period, exclamation mark, question mark, or end
# quotation mark)" (C4), and those of other scripts
TERMINAL = re.compile(r"[.!?\"”’'»。！？」』؟।…](?:[)\]]|$)")
# C4: pages with "javascript", "lorem ipsum", a curly bracket, and lines of policies
BOILERPLATE = re.compile(
    r"javascript|lorem ipsum|[{}]|</?[a-z!]|&[a-z]{2,8};"
    r"|terms (?:of|and|&) (?:use|service|conditions)|privacy policy"
    r"|cookies? polic|us(?:es?|ing|e of) (?:our )?cookies"
    r"|accept(?:ing)? (?:our |all )?cookies"
    r"|all rights reserved|click (?:here|below|the link)"
    r"|sign up (?:for|to) (?:our|the)|subscribe to (?:our|the)|skip to content"
    r"|add to (?:cart|basket|wishlist)|leave a (?:comment|reply)"
)
BULLET = re.compile(r"[•‣◦▪▫●○■□►▶*\-–—+>#|]\s|[•‣◦▪▫●○■□►▶]")
SEPARATOR = re.compile(r"[|•·»›▸→]|\s[>/~]\s")
ADDRESS = re.compile(r"https?://|www\.|\S@\S+\.\w", re.IGNORECASE)
MIN_ALPHABETIC = 0.8  # of the words have a letter (Gopher)
MIN_LETTERS = 0.65  # of the characters that are no white space
MAX_CAPITALS = 0.5  # of the letters (RefinedWeb: "mainly composed of uppercase")
MAX_HASHES = 0.1  # symbols to words (Gopher)
WORD_LENGTHS = (2.5, 10)  # mean (Gopher: 3 to 10, of pages)
MAX_ADDRESSES = 1
MAX_SEPARATORS = 2
MIN_DISTINCT = 0.5  # of ten words or more
MAX_IN_A_ROW = 3  # times the same word

FilterT = Callable[[str, Sequence[str]], bool]


def has_control(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether there are characters that do something unseen."""
    return CONTROL.search(text) is not None


def has_no_end(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether no terminal punctuation mark stands at the end (C4)."""
    return TERMINAL.search(text, len(text) - 2 if len(text) > 1 else 0) is None


def is_boilerplate(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether it speaks of cookies, policies, scripts (C4)."""
    return BOILERPLATE.search(text.lower()) is not None


def is_list(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether it is an item of a list (Gopher), or a menu."""
    return (
        BULLET.match(text) is not None
        or len(SEPARATOR.findall(text)) > MAX_SEPARATORS
        or len(ADDRESS.findall(text)) > MAX_ADDRESSES
    )


def is_symbols(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether too little of it is words (Gopher), or cut short."""
    n_hashes = text.count("#") + text.count("...") + text.count("…")
    n_alphabetic = sum(any(map(str.isalpha, word)) for word in words)
    n_characters = sum(map(len, words))
    n_letters = sum(map(str.isalpha, text))
    return (
        n_hashes > MAX_HASHES * len(words)
        or text.endswith(("...", "…"))
        or n_alphabetic < MIN_ALPHABETIC * len(words)
        or n_letters < MIN_LETTERS * n_characters
    )


def is_shouting(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether it is mainly capital letters (RefinedWeb)."""
    n_letters = sum(map(str.isalpha, text))
    return sum(map(str.isupper, text)) > MAX_CAPITALS * n_letters


def has_odd_words(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether words are too short or too long on average (Gopher)."""
    shortest, longest = WORD_LENGTHS
    n_characters = sum(map(len, words))
    return not shortest * len(words) <= n_characters <= longest * len(words)


def is_repeating(text: str, words: Sequence[str]) -> bool:
    """RETURNS (bool): Whether it says the same words again and again (Gopher)."""
    n_same = 1
    for before, word in pairwise(words):
        n_same = n_same + 1 if word == before else 1
        if n_same > MAX_IN_A_ROW:
            return True
    return len(words) >= 10 and len(set(words)) < MIN_DISTINCT * len(words)


# The names are the reasons of the statistics; the order is that of their asking
FILTERS: MappingProxyType[str, FilterT] = MappingProxyType(
    {
        "control": has_control,
        "no_end": has_no_end,
        "boilerplate": is_boilerplate,
        "list": is_list,
        "symbols": is_symbols,
        "capitals": is_shouting,
        "odd_words": has_odd_words,
        "repeated": is_repeating,
    }
)


def choose_filters(without: Sequence[str] = ()) -> dict[str, FilterT]:
    """Choose the filters to apply.

    without (Sequence[str]): names of those that are not.
    RETURNS (dict[str, FilterT]): the others, in order.
    RAISES (ValueError): if there is no filter of a name.
    """
    unknown = [name for name in without if name not in FILTERS]
    if unknown:
        raise ValueError(
            Errors.N255.format(got=", ".join(unknown), allowed=", ".join(FILTERS))
        )
    return {name: test for name, test in FILTERS.items() if name not in without}


def find_reason(
    piece: Piece, filters: dict[str, FilterT], settings: TextSettings
) -> str:
    """Say why a piece is left out.

    piece (Piece): a sentence.
    filters (dict[str, FilterT]): those to apply, in order.
    settings (TextSettings): of lengths.
    RETURNS (str): the first reason, or "".
    """
    if piece.reason:
        return piece.reason
    if piece.n_tokens < settings.min_tokens:
        return "too_short"
    if piece.n_tokens > settings.max_tokens:
        return "too_long"
    words = piece.text.split()
    return next((name for name, test in filters.items() if test(piece.text, words)), "")
