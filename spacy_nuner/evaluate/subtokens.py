"""Words weighed by their sub-tokens: the other reading of the paper's "token".

The paper does not say whether its token F1 counts words or sub-tokens. A head that
tags words gives all sub-tokens of a word its type, so that the sub-token figure is the
word figure with each word counted as often as it has sub-tokens.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Errors
from .data import Gold, sha256_of
from .metrics import Ints

TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")


def count_subtokens(encoder: Path, gold: Gold) -> Ints:
    """Count the sub-tokens that share characters with each word; at least one.

    encoder (Path): Folder with the tokenizer of an encoder.
    gold (Gold): The sentences, with their documents.
    RETURNS (Ints): (n_tokens,)
    RAISES (FileNotFoundError): If there is no tokenizer.
    """
    from transformers import AutoTokenizer

    if not any((encoder / name).is_file() for name in TOKENIZER_FILES):
        raise FileNotFoundError(Errors.N001.format(what="tokenizer", path=encoder))
    tokenizer: Any = AutoTokenizer.from_pretrained(str(encoder), use_fast=True)
    counts = []
    for doc in gold.docs:
        pieces = tokenizer(
            doc.text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            truncation=False,
            verbose=False,
        )["offset_mapping"]
        starts = np.array([token.idx for token in doc], dtype="int64")
        ends = starts + np.array([len(token) for token in doc], dtype="int64")
        rows = np.array(pieces, dtype="int64").reshape(-1, 2)
        counts.append(_count_shared(starts, ends, rows))
    return np.concatenate([np.zeros(0, dtype="int64"), *counts])


def _count_shared(starts: Ints, ends: Ints, pieces: Ints) -> Ints:
    """How many pieces overlap each word; both are in the order of the text."""
    pieces = pieces[pieces[:, 1] > pieces[:, 0]]
    first = np.searchsorted(pieces[:, 1], starts, side="right")
    last = np.searchsorted(pieces[:, 0], ends, side="left")
    return np.maximum(last - first, 1)


def load_subtokens(folder: Path, encoder: Path, gold: Gold) -> Ints:
    """Count sub-tokens of a data set once, and keep the counts in its folder.

    folder (Path): Folder of the data set.
    encoder (Path): Folder with the tokenizer.
    gold (Gold): Its test set.
    RETURNS (Ints): (n_tokens,)
    """
    files = [encoder / name for name in TOKENIZER_FILES]
    kept = [file.read_text(encoding="utf8") for file in files if file.is_file()]
    words = [[token.text_with_ws for token in doc] for doc in gold.docs]
    path = folder / "subtokens" / f"{sha256_of([kept, words])[:32]}.npy"
    if path.is_file():
        return np.asarray(np.load(path), dtype="int64")
    weights = count_subtokens(encoder, gold)
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(path.stem + ".tmp.npy")
    np.save(beside, weights.astype("int16"))
    os.replace(beside, path)
    return weights
