"""The systems of `inference.py`, built and warmed up."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from common import find_versions, time_call
from others import Other
from pipelines import (
    BareEncoder,
    load_runtime,
    load_unpacked,
    make_stock,
    pipe_all,
    time_pipe,
)
from spacy.language import Language
from spacy.tokens import Doc
from texts import Texts

# A dozen, as is usual for an application
LABELS = [
    "person",
    "organization",
    "city",
    "country",
    "date",
    "product",
    "event",
    "work of art",
    "law",
    "language",
    "money",
    "quantity",
]
OURS: dict[str, Callable[[Path], Language]] = {
    "ours": partial(load_runtime, runtime="torch"),
    "ours, not packed": load_unpacked,
    "ours, onnx": partial(load_runtime, runtime="onnx"),
    "ours, int8": partial(load_runtime, runtime="onnx-int8"),
}
STOCK, BARE = "transformer + ner", "bare encoder"
OTHERS = {"GLiNER": "gliner", "SpanMarker": "span_marker"}
PACKAGES = ("torch", "transformers", "spacy", "spacy-transformers", "onnxruntime")


class Systems(NamedTuple):
    """What is timed."""

    timers: dict[str, Callable[[], float]]
    versions: dict[str, str | None]
    missing: list[str]
    others: list[Other]


def make_systems(
    encoder: Path,
    ours: Path,
    examples: Sequence[Doc],
    texts: Texts,
    pythons: dict[str, Path],
    *,
    clock: str,
    every: int,
) -> Systems:
    """Build all systems.

    encoder (Path): Encoder folder.
    ours (Path): Our pipeline, saved.
    examples (Sequence[Doc]): What the stock pipeline is trained on.
    texts (Texts): What is to be read.
    pythons (dict[str, Path]): Python for each of OTHERS.
    clock (str): "wall" or "cpu".
    every (int): OTHERS read each so-manieth sentence, by length; their time is scaled.
    RETURNS (Systems): What is installed, warmed up.
    """
    found = Systems({}, find_versions(PACKAGES), [], [])
    for name, load in OURS.items():
        try:
            nlp = load(ours)
        except ImportError:
            found.missing.append(name)
            continue
        # Words are stored the first time they are met
        pipe_all(nlp, texts.documents)
        found.timers[name] = time_pipe(nlp, texts.documents, clock)
    stock = make_stock(encoder, examples, n_epochs=5)
    pipe_all(stock, texts.documents)
    found.timers[STOCK] = time_pipe(stock, texts.documents, clock)
    bare = BareEncoder(encoder, texts.documents, clock)
    found.timers[BARE] = lambda: time_call(bare.run, clock)
    # Sorted sentences: nothing is cut off, and there is little padding
    part = sorted(texts.sentences, key=len)[::every]
    n_part = sum(len(text.split()) for text in part)
    spec = {
        "encoder": str(encoder),
        "texts": part,
        "labels": LABELS,
        "threads": torch.get_num_threads(),
        "clock": clock,
    }
    for name, package in OTHERS.items():
        other = Other(package, pythons[name], spec)
        found.versions[package] = other.version
        if other.version is None:
            found.missing.append(name)
            other.close()
            continue
        found.timers[name] = partial(_scale, other, texts.n_words / n_part)
        found.others.append(other)
    return found


def _scale(other: Other, factor: float) -> float:
    return factor * other.time()
