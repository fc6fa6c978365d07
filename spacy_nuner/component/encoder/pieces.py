"""Docs as sub-tokens, and which sub-tokens make up which token."""

from collections.abc import Sequence
from itertools import count
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Pooling = Literal["mean", "first", "last"]
POOLINGS = ("mean", "first", "last")


class Special(NamedTuple):
    """What a tokenizer puts around each text."""

    prefix: list[int]
    suffix: list[int]

    @property
    def n(self) -> int:
        """Number of special sub-tokens."""
        return len(self.prefix) + len(self.suffix)


class Pieces(NamedTuple):
    """The sub-tokens of some docs, end to end, and the parts of their tokens.

    The parts are in the order of the sub-tokens. A sub-token may be part of two tokens
    (spaCy cuts "don't" in two), a token may have no part (white space).
    """

    ids: Ints  # (n_pieces,)
    starts: Ints  # (n_docs + 1,) first sub-token of each doc
    n_tokens: int
    part_piece: Ints  # (n_parts,) sub-token
    part_token: Ints  # (n_parts,) token, counted through all docs
    part_weight: Floats  # (n_parts,) the weights of a token's parts sum up to 1


def find_special(tokenizer: Any) -> Special:
    """Find what a tokenizer puts before and behind a text.

    tokenizer (PreTrainedTokenizerBase): A fast tokenizer.
    RETURNS (Special): Ids of the special sub-tokens.
    """
    # Any id that is no special one itself. (The length of a tokenizer is slow to get.)
    special = set(tokenizer.all_special_ids)
    probe = next(i for i in count() if i not in special)
    ids = tokenizer.build_inputs_with_special_tokens([probe])
    at = ids.index(probe)
    return Special(ids[:at], ids[at + 1 :])


def cut_docs(docs: Sequence[Doc], tokenizer: Any, pooling: Pooling) -> Pieces:
    """Cut docs into sub-tokens, each doc as one text, whatever its length.

    docs (Sequence[Doc]): The docs.
    tokenizer (PreTrainedTokenizerBase): A fast tokenizer.
    pooling (Pooling): Which sub-tokens stand for a token: all ("mean"), the first or
        the last.
    RETURNS (Pieces): The sub-tokens.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    encodings = backend.encode_batch(
        [doc.text for doc in docs], add_special_tokens=False
    )
    ids: list[Any] = [np.zeros(0, dtype="int64")]
    pieces: list[Ints] = [np.zeros(0, dtype="int64")]
    tokens: list[Ints] = [np.zeros(0, dtype="int64")]
    weights: list[Floats] = [np.zeros(0, dtype="float32")]
    starts, n_tokens = [0], 0
    for doc, encoding in zip(docs, encodings, strict=True):
        offsets = np.array(encoding.offsets, dtype="int64").reshape(-1, 2)
        piece, token, weight = align(offsets, token_edges(doc), pooling)
        ids.append(np.array(encoding.ids, dtype="int64"))
        pieces.append(piece + starts[-1])
        tokens.append(token + n_tokens)
        weights.append(weight)
        starts.append(starts[-1] + len(offsets))
        n_tokens += len(doc)
    return Pieces(
        ids=np.concatenate(ids),
        starts=np.array(starts, dtype="int64"),
        n_tokens=n_tokens,
        part_piece=np.concatenate(pieces),
        part_token=np.concatenate(tokens),
        part_weight=np.concatenate(weights),
    )


def token_edges(doc: Doc) -> Ints:
    """RETURNS (Ints): First and last + 1 character of each token, (n_tokens, 2)."""
    lengths, spaces = doc.to_array([LENGTH, SPACY]).astype("int64").T
    ends = np.cumsum(lengths + spaces) - spaces
    return np.stack([ends - lengths, ends], axis=1)


def align(offsets: Ints, edges: Ints, pooling: Pooling) -> tuple[Ints, Ints, Floats]:
    """Say which sub-tokens stand for which token: those that share a character.

    offsets (Ints): First and last + 1 character of each sub-token, (n_pieces, 2), in
        the order of the text. Empty ones stand for no token.
    edges (Ints): The same of the tokens, (n_tokens, 2).
    pooling (Pooling): See `cut_docs`.
    RETURNS (tuple[Ints, Ints, Floats]): Sub-token, token and weight of each part, in
        the order of the sub-tokens.
    """
    solid = np.flatnonzero(offsets[:, 1] > offsets[:, 0])  # (n_solid,)
    begins, ends = offsets[solid].T
    first = np.searchsorted(ends, edges[:, 0], side="right")  # (n_tokens,)
    last = np.searchsorted(begins, edges[:, 1], side="left")  # (n_tokens,) exclusive
    counts = np.maximum(last - first, 0)  # (n_tokens,)
    if pooling != "mean":
        first = first if pooling == "first" else np.maximum(last - 1, 0)
        counts = np.minimum(counts, 1)
    token = np.repeat(np.arange(len(edges)), counts)  # (n_parts,)
    within = np.arange(len(token)) - np.repeat(np.cumsum(counts) - counts, counts)
    piece = solid[np.repeat(first, counts) + within]  # (n_parts,)
    weight = np.repeat(1.0 / np.maximum(counts, 1), counts).astype("float32")
    order = np.argsort(piece, kind="stable")
    return piece[order], token[order], weight[order]
