"""Which characters a sub-token stands for, whatever the family of the tokenizer.

RoBERTa's tokenizer cuts the white space before a word off a sub-token's offsets; those
of ModernBERT, DeBERTa-v3 and XLM-R don't, and have sub-tokens that are nothing but it.
"""

import re
import sys
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from .ragged import Ints

if TYPE_CHECKING:
    from spacy.tokens import Doc

CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
START = re.compile(rf"\s*[{CONTROL}][\s{CONTROL}]*")
# How byte-level BPE and SentencePiece write a space
SPACES = "Ġ▁"
IS_SPACE = numpy.fromiter(
    (chr(i).isspace() for i in range(0x3002)), dtype=bool, count=0x3002
)


def clean_start(text: str) -> str:
    """Replace control characters at the start of a text by spaces.

    The normalisers of SentencePiece's tokenizers drop them and then count all offsets
    from too far to the left.

    text (str): The text.
    RETURNS (str): A text of the same length.
    """
    match = START.match(text)
    return text if match is None else " " * match.end() + text[match.end() :]


def find_blank(tokenizer: PreTrainedTokenizerBase) -> Ints:
    """Find the sub-tokens that stand for white space alone.

    Their offsets don't tell: SentencePiece puts one before the text that claims the
    first character.

    tokenizer (PreTrainedTokenizerBase): The tokenizer.
    RETURNS (Ints): Their ids, (n_blank,).
    """
    likely = [i for name, i in tokenizer.get_vocab().items() if not name.strip(SPACES)]
    # The same characters are letters to other tokenizers
    blank = [i for i in likely if not tokenizer.decode([i]).strip()]
    return numpy.asarray(blank, dtype="int64")


def trim_offsets(offsets: Ints, texts: Sequence[str], rows: Ints) -> Ints:
    """Cut white space off the sub-tokens of some texts.

    offsets (Ints): First character of each sub-token and the one behind its last,
        (n_subtokens, 2).
    texts (Sequence[str]): The texts.
    rows (Ints): Index of each sub-token's text, (n_subtokens,).
    RETURNS (Ints): Offsets in the joined texts, (n_subtokens, 2). Those of white space
        are empty.
    """
    joined = "".join(texts)
    code_points = numpy.frombuffer(joined.encode(UTF32), dtype="uint32")  # (n_chars,)
    solid = ~IS_SPACE[numpy.minimum(code_points, len(IS_SPACE) - 1)]  # (n_chars,)
    places = numpy.arange(len(solid) + 1)
    nexts = numpy.where(numpy.append(solid, True), places, len(solid))
    nexts = numpy.minimum.accumulate(nexts[::-1])[::-1]  # (n_chars + 1,)
    lasts = numpy.where(numpy.append(True, solid), places, 0)
    lasts = numpy.maximum.accumulate(lasts)  # (n_chars + 1,)
    flat = offsets + start_of(texts)[rows, None]  # (n_subtokens, 2)
    starts, ends = nexts[flat[:, 0]], lasts[flat[:, 1]]
    return numpy.stack([starts, numpy.maximum(starts, ends)], axis=1)


def find_firsts(offsets: Ints, docs: Sequence["Doc"]) -> NDArray[numpy.bool_]:
    """Find the first sub-token of each token of spaCy's.

    What a tokenizer calls a word differs between families, and a mention need not begin
    with one. A mention always begins with a token.

    offsets (Ints): Offsets in the joined texts, without empty ones, (n_scored, 2).
    docs (Sequence[Doc]): The documents of the texts.
    RETURNS (NDArray[numpy.bool_]): Whether a sub-token is the first that shares a
        character with some token, (n_scored,).
    """
    firsts = numpy.zeros(len(offsets), dtype=bool)  # (n_scored,)
    if not len(offsets):
        return firsts
    begins = start_of([doc.text for doc in docs])  # (n_docs,)
    places = chain.from_iterable(
        (begin + token.idx, begin + token.idx + len(token))
        for doc, begin in zip(docs, begins.tolist(), strict=True)
        for token in doc
    )
    tokens = numpy.fromiter(places, dtype="int64").reshape(-1, 2)  # (n_tokens, 2)
    ends = numpy.maximum.accumulate(offsets[:, 1])  # (n_scored,)
    found = numpy.searchsorted(ends, tokens[:, 0], side="right")  # (n_tokens,)
    found = numpy.minimum(found, len(offsets) - 1)
    shares = (offsets[found, 0] < tokens[:, 1]) & (offsets[found, 1] > tokens[:, 0])
    firsts[found[shares]] = True
    return firsts


def start_of(texts: Sequence[str]) -> Ints:
    """RETURNS (Ints): Where each text begins in all of them joined, (n_texts,)."""
    lengths = numpy.fromiter((len(text) for text in texts), dtype="int64")
    return numpy.cumsum(lengths) - lengths


UTF32 = f"utf-32-{'le' if sys.byteorder == 'little' else 'be'}"
