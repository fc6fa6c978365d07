"""Sentences of words as sub-tokens, and the tags of the span detector. No torch."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerBase

from ..metrics import Ints, find_spans

Tags = Literal["io", "bio"]


class Words(NamedTuple):
    """A sentence."""

    text: str
    starts: Ints  # (n_words,) first character of each word
    ends: Ints  # (n_words,) the one behind its last


class Encoded(NamedTuple):
    """A sentence in sub-tokens."""

    ids: Ints  # (n_subtokens,) special ones included
    firsts: Ints  # (n_words,) first sub-token of each word; -1: it has none


class Marked(NamedTuple):
    """Sentences with mentions."""

    sentences: list[Encoded]
    spans: list[Ints]  # of each sentence, rows (start, end, type); words from 0

    @property
    def n_words(self) -> Ints:
        """RETURNS (Ints): Words of each sentence, (n_sentences,)."""
        sizes = (len(sentence.firsts) for sentence in self.sentences)
        return np.fromiter(sizes, dtype="int64")

    def choose(self, rows: Iterable[int]) -> "Marked":
        """RETURNS (Marked): Some of the sentences."""
        pairs = [(self.sentences[i], self.spans[i]) for i in rows]
        return Marked([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def encode_words(
    sentences: Sequence[Words],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
) -> list[Encoded]:
    """Tokenise sentences and find the first sub-token of each word.

    The published code counts sub-tokens from word to word, so that all sentences after
    one that was cut get vectors of wrong words; here a word that is cut off has none.

    sentences (Sequence[Words]): The sentences.
    tokenizer (PreTrainedTokenizerBase): The encoder's.
    max_length (int): Sub-tokens of a sentence, special ones included.
    RETURNS (list[Encoded]): The sentences in sub-tokens.
    """
    if not sentences:
        return []
    texts = [sentence.text for sentence in sentences]
    encodings = tokenizer(texts, truncation=True, max_length=max_length).encodings or []
    found = []
    for words, encoding in zip(sentences, encodings, strict=True):
        offsets = np.asarray(encoding.offsets, dtype="int64").reshape(-1, 2)
        special = np.asarray(encoding.special_tokens_mask, dtype=bool)
        solid = np.flatnonzero(~special & (offsets[:, 1] > offsets[:, 0]))
        # The first that ends behind where the word starts: some tokenizers count the
        # space before a word as a part of it
        places = np.searchsorted(offsets[solid, 1], words.starts, side="right")
        firsts = np.full(len(words.starts), -1, dtype="int64")
        inside = places < len(solid)
        near = solid[places[inside]]
        firsts[inside] = np.where(offsets[near, 0] < words.ends[inside], near, -1)
        for i in range(len(firsts)):
            if words.text[words.starts[i] : words.ends[i]].isspace():
                firsts[i] = -1
        found.append(Encoded(np.asarray(encoding.ids, dtype="int64"), firsts))
    return found


def tag_words(marked: Marked, scheme: Tags) -> Ints:
    """Make the tags that the span detector learns.

    marked (Marked): Sentences with mentions.
    scheme (Tags): "io": 1 in a mention; "bio": 1 where one begins, 2 within.
    RETURNS (Ints): Tag of each word, sentence after sentence, (n_words,).
    """
    parts = []
    for sentence, spans in zip(marked.sentences, marked.spans, strict=True):
        tags = np.zeros(len(sentence.firsts), dtype="int64")
        for start, end, _ in spans.tolist():
            tags[start:end] = 1 if scheme == "io" else 2
            tags[start] = 1
        parts.append(tags)
    return np.concatenate([*parts, np.zeros(0, dtype="int64")])


def read_tags(tags: Ints, n_words: Ints, scheme: Tags) -> list[Ints]:
    """Read mentions off tags; with "io", neighbours are one mention.

    tags (Ints): Tag of each word, (n_words,).
    n_words (Ints): Words of each sentence, (n_sentences,).
    scheme (Tags): "io" or "bio".
    RETURNS (list[Ints]): Of each sentence, rows (start, end).
    """
    begins = tags == 1 if scheme == "bio" else None
    spans = find_spans((tags > 0).astype("int64"), n_words, begins)
    firsts = np.cumsum(n_words) - n_words  # (n_sentences,)
    rows = np.searchsorted(firsts, spans[:, 0], side="right") - 1
    # Empty sentences share their first word with the next one
    return [
        spans[rows == i, :2] - first if size else spans[:0, :2]
        for i, (first, size) in enumerate(zip(firsts, n_words, strict=True))
    ]


def type_words(marked: Marked) -> Ints:
    """RETURNS (Ints): Type of each word, 0 outside of mentions, (n_words,)."""
    parts = []
    for sentence, spans in zip(marked.sentences, marked.spans, strict=True):
        types = np.zeros(len(sentence.firsts), dtype="int64")
        for start, end, number in spans.tolist():
            types[start:end] = number
        parts.append(types)
    return np.concatenate([*parts, np.zeros(0, dtype="int64")])
