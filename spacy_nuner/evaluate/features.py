"""Token vectors of a frozen encoder: computed once per sentence, kept on disk."""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language

from .data import Gold, copy_tokens, sha256_of

logger = logging.getLogger(__name__)

PIPE = "nuner"

Vectors = NDArray[np.float32]  # (n_tokens, width), often a file mapped into memory
Progress = Callable[[int], object]  # told the number of sentences just done


def feature_key(encoder_sha256: str, gold: Gold, layer: str) -> str:
    """Name of a file of vectors: what decides them is in it.

    encoder_sha256 (str): Hash of the encoder folder.
    gold (Gold): The sentences.
    layer (str): Which vectors of the encoder, e.g. "last", "hidden_4".
    RETURNS (str): Hexadecimal digits.
    """
    words = [[token.text_with_ws for token in doc] for doc in gold.docs]
    return sha256_of([encoder_sha256, words, layer])[:32]


def store_features(
    nlp: Language,
    gold: Gold,
    *,
    cache: Path,
    encoder_sha256: str,
    layer: str,
    progress: Progress = lambda n: None,
) -> Path:
    """Make sure that the vectors are in the cache, computing them if they are not.

    nlp (Language): Pipeline with a `transformer` and a `nuner` that listens to it.
    gold (Gold): The sentences; their entities are not looked at.
    cache (Path): Folder of the cache.
    encoder_sha256 (str): Hash of the encoder folder.
    layer (str): Which vectors of the encoder the pipeline gives.
    progress (Callable): Told of each batch; not called for what is in the cache.
    RETURNS (Path): File of vectors (.npy), rows in the order of `gold.types`.
    """
    path = cache / f"{feature_key(encoder_sha256, gold, layer)}.npy"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        logger.debug("computing %s for %d sentences", layer, len(gold.docs))
        _compute(nlp, path, gold, progress)
    return path


def _compute(nlp: Language, path: Path, gold: Gold, progress: Progress) -> None:
    array: np.memmap | None = None
    beside = path.with_name(path.name + ".tmp")
    transformer: Any = nlp.get_pipe("transformer")
    pipe: Any = nlp.get_pipe(PIPE)
    offsets = gold.offsets
    for batch in batches_by_length(gold, max_tokens=4096):
        docs = [copy_tokens(gold.docs[i], nlp.vocab) for i in batch]
        docs = list(transformer.pipe(docs, batch_size=len(docs)))
        for i, rows in zip(batch, pipe.features(docs), strict=True):
            if array is None:
                shape = (int(offsets[-1]), rows.shape[1])
                array = np.lib.format.open_memmap(
                    beside, mode="w+", dtype="float32", shape=shape
                )
            array[offsets[i] : offsets[i + 1]] = rows
        progress(len(batch))
    if array is not None:
        array.flush()
        os.replace(beside, path)


def batches_by_length(gold: Gold, *, max_tokens: int) -> list[list[int]]:
    """Group sentences of like length, so that little is computed on padding.

    gold (Gold): The sentences.
    max_tokens (int): Most tokens in a batch, each sentence counted as its longest.
    RETURNS (list[list[int]]): Indices of the sentences, the longest first.
    """
    batches: list[list[int]] = []
    longest = 0
    for i in np.argsort(-gold.lengths, kind="stable").tolist():
        if not batches or (len(batches[-1]) + 1) * longest > max_tokens:
            batches.append([])
            longest = max(1, int(gold.lengths[i]))
        batches[-1].append(i)
    return batches


def clear_features(cache: Path) -> None:
    """Delete the cache: the vectors are large and soon computed again."""
    shutil.rmtree(cache, ignore_errors=True)
