"""Texts as words and as numbers, alike however they are spelled or spaced."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from hashlib import blake2b

WORD = re.compile(r"[^\W_]+")
# Treebanks write "do n't": the same words as "don't"
NOT = re.compile(r"\s?n['’ʼ]t\b")


def fold_words(text: str) -> list[str]:
    """Find the words of a text without case, punctuation and white space.

    text (str): any text.
    RETURNS (list[str]): runs of letters and digits, NFKC and case-folded.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    return WORD.findall(NOT.sub(" nt", text))


def hash_words(words: Sequence[str], *, key: str = "") -> int:
    """Make a number of words: the same on every machine and in every process.

    words (Sequence[str]): folded words.
    key (str): another key gives other numbers.
    RETURNS (int): from 0 to 2**64 - 1.
    """
    data = " ".join(words).encode("utf8", errors="surrogatepass")
    digest = blake2b(data, digest_size=8, key=key.encode("utf8")).digest()
    return int.from_bytes(digest, "big")


def find_grams(words: Sequence[str], n: int) -> Iterator[Sequence[str]]:
    """Find the runs of n words.

    words (Sequence[str]): folded words.
    n (int): words in a run.
    YIELDS (Sequence[str]): each run; of a shorter text the text as a whole.
    """
    if 0 < len(words) < n:
        yield words
    for start in range(len(words) - n + 1):
        yield words[start : start + n]
