"""Texts that say nearly the same: MinHash, after the sample is drawn."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ...errors import Errors
from .words import find_grams, fold_words

# 16 bands of 4: a pair of texts with 0.7 of their word pairs in common is found with
# a probability of 0.99, one with 0.8 with 0.9998; what is found is then compared
N_BANDS, N_ROWS = 16, 4
N_GRAM = 2
# Texts that are compared with one text in one band
MAX_COMPARED = 50
CHUNK = 10_000

MIXER = np.uint64(0x9E3779B97F4A7C15)


def find_near_duplicates(
    texts: Iterable[str], get_text: Callable[[int], str], *, least: float
) -> set[int]:
    """Find the texts that are nearly one of those before them.

    Only hashes are in memory: 128 bytes a text, and as much again while texts are
    looked for that have one in common.

    texts (Iterable[str]): the texts in order.
    get_text (Callable): gives a text by its index, for the few that are compared.
    least (float): share of word pairs in common (Jaccard) that makes a copy.
    RETURNS (set[int]): indices of copies; none is a copy of a copy alone.
    RAISES (ImportError): if datasketch is not installed.
    """
    bands = _hash_bands(texts)  # (n_texts, N_BANDS)
    is_alike = np.zeros(len(bands), dtype=bool)  # in one band with another text
    for column in bands.T:
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        is_alike |= counts[inverse] > 1
    get_grams = lru_cache(maxsize=CHUNK)(lambda index: _find_pairs(get_text(index)))
    copies: set[int] = set()
    known: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index in np.flatnonzero(is_alike).tolist():
        keys = list(enumerate(bands[index].tolist()))
        others = {other for key in keys for other in known[key]}
        grams = get_grams(index)
        if any(_compare(grams, get_grams(other)) >= least for other in sorted(others)):
            copies.add(index)
            continue
        for key in keys:
            if len(known[key]) < MAX_COMPARED:
                known[key].append(index)
    return copies


def _hash_bands(texts: Iterable[str]) -> NDArray[np.uint64]:
    try:
        from datasketch import MinHash
    except ImportError:
        raise ImportError(
            Errors.N253.format(
                package="datasketch",
                what="near duplicates",
                instead=", or keep them: --near 0",
            )
        ) from None
    empty = MinHash(N_BANDS * N_ROWS, hashfunc=crc32)
    chunks, signatures = [np.zeros((0, N_BANDS), dtype=np.uint64)], []
    for text in texts:
        minhash = empty.copy()
        minhash.update_batch([gram.encode("utf8") for gram in _find_pairs(text)])
        signatures.append(minhash.hashvalues)
        if len(signatures) == CHUNK:
            chunks.append(_fold_bands(signatures))
            signatures = []
    return np.concatenate([*chunks, _fold_bands(signatures)])


def _fold_bands(signatures: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint64]:
    rows = np.array(signatures, dtype=np.uint64).reshape(-1, N_BANDS, N_ROWS)
    bands: NDArray[np.uint64] = np.zeros(rows.shape[:2], dtype=np.uint64)
    for row in np.moveaxis(rows, 2, 0):
        bands = (bands ^ row) * MIXER
        bands ^= bands >> np.uint64(32)
    return bands  # (n_texts, N_BANDS)


def _find_pairs(text: str) -> frozenset[str]:
    return frozenset(map(" ".join, find_grams(fold_words(text), N_GRAM)))


def _compare(left: frozenset[str], right: frozenset[str]) -> float:
    n_common = len(left & right)
    return n_common / max(len(left) + len(right) - n_common, 1)
