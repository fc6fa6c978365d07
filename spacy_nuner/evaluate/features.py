"""Token vectors of a frozen encoder: computed once per sentence, kept on disk."""

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language

from .data import Gold, copy_tokens, sha256_of

logger = logging.getLogger(__name__)

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
    pipes: Mapping[str, str],
    gold: Gold,
    *,
    cache: Path,
    encoder_sha256: str,
    progress: Progress = lambda n: None,
) -> dict[str, Path]:
    """Make sure that the vectors are in the cache, computing them in one pass.

    nlp (Language): Pipeline with a `transformer` and `nuner` pipes that listen to it.
    pipes (Mapping[str, str]): Name of each pipe and of the layer that it looks at.
    gold (Gold): The sentences; their entities are not looked at.
    cache (Path): Folder of the cache.
    encoder_sha256 (str): Hash of the encoder folder.
    progress (Callable): Told of each batch; not called for what is in the cache.
    RETURNS (dict[str, Path]): File of vectors (.npy) by pipe, rows in the order of
        `gold.types`.
    """
    paths = {
        name: cache / f"{feature_key(encoder_sha256, gold, layer)}.npy"
        for name, layer in pipes.items()
    }
    missing = [name for name, path in paths.items() if not path.is_file()]
    if missing:
        cache.mkdir(parents=True, exist_ok=True)
        logger.debug("computing %d layers for %d sentences", len(missing), len(gold[0]))
        _compute(nlp, {name: paths[name] for name in missing}, gold, progress)
    return paths


def _compute(
    nlp: Language, paths: dict[str, Path], gold: Gold, progress: Progress
) -> None:
    arrays: dict[str, np.memmap] = {}
    beside = {name: path.with_name(path.name + ".tmp") for name, path in paths.items()}
    transformer: Any = nlp.get_pipe("transformer")
    offsets = gold.offsets
    for batch in batches_by_length(gold, max_tokens=4096):
        docs = [copy_tokens(gold.docs[i], nlp.vocab) for i in batch]
        docs = list(transformer.pipe(docs, batch_size=len(docs)))
        for name in paths:
            pipe: Any = nlp.get_pipe(name)
            for i, rows in zip(batch, pipe.features(docs), strict=True):
                if name not in arrays:
                    shape = (int(offsets[-1]), rows.shape[1])
                    arrays[name] = np.lib.format.open_memmap(
                        beside[name], mode="w+", dtype="float32", shape=shape
                    )
                arrays[name][offsets[i] : offsets[i + 1]] = rows
        progress(len(batch))
    for name, path in paths.items():
        arrays[name].flush()
        os.replace(beside[name], path)


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
