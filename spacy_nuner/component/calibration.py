"""`calibration.safetensors` of an encoder folder: what the concept corpus says of it.

Made by `calibrate.py`; read when a head is started.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import Errors

FILE_NAME = "calibration.safetensors"
FORMAT = 1
ARRAYS = ("whitening", "centre", "vectors", "thresholds", "counts", "transitions")
# A concept stands for a label if their vectors are at least so near (cosine)
NEAR = 0.7
# So many mentions weigh as much as the threshold of all concepts
PRIOR = 100.0
TINY = 1e-12

Floats = NDArray[np.float32]


class Calibration(NamedTuple):
    """Measured on the dev part of the concept corpus, but for the whitening."""

    whitening: Floats  # (width, width), of joined states; symmetric
    centre: Floats  # (concept_width,) mean of concept vectors
    vectors: Floats  # (n_concepts, concept_width) of frequent concepts, ÷ temperature
    thresholds: Floats  # (n_concepts,) logit from which a token is of the concept
    counts: Floats  # (n_concepts,) mentions
    transitions: Floats  # (3, 3) counts of O, B, I after O, B, I, as probabilities
    names: list[str]  # (n_concepts,)
    threshold: float  # of all concepts together
    scale: float  # probability = sigmoid(scale * (logit - threshold))
    layers: list[int]  # joined states that the whitening is for
    reliability: list[dict[str, Any]]  # predicted and observed, by bins


def save_calibration(calibration: Calibration, folder: Path) -> Path:
    """Write the file into an encoder folder.

    calibration (Calibration): What to write.
    folder (Path): The encoder folder.
    RETURNS (Path): The file.
    """
    values = calibration._asdict()
    arrays = {name: np.ascontiguousarray(values.pop(name)) for name in ARRAYS}
    path = folder / FILE_NAME
    beside = path.with_name(path.name + ".tmp")
    metadata = {"header": json.dumps({"format": FORMAT, **values})}
    save_file(arrays, str(beside), metadata=metadata)
    beside.chmod(0o644)
    beside.replace(path)
    return path


def read_calibration(folder: Path) -> Calibration | None:
    """Read the file of an encoder folder.

    folder (Path): The encoder folder.
    RETURNS (Calibration | None): None if it has none.
    RAISES (ValueError): If the file is damaged or of another format.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = json.loads((file.metadata() or {})["header"])
            arrays: dict[str, Any] = {name: file.get_tensor(name) for name in ARRAYS}
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(Errors.N428.format(path=path, problem=repr(error))) from None
    named = set(Calibration._fields) - set(ARRAYS)
    if header.pop("format", None) != FORMAT or set(header) != named:
        raise ValueError(Errors.N428.format(path=path, problem="another format"))
    return Calibration(**arrays, **header)


def find_thresholds(calibration: Calibration, vectors: Floats) -> Floats:
    """Logits from which a token is of a label.

    A label whose vector is near that of a frequent concept gets this concept's own
    threshold, drawn towards that of all concepts the more the fewer mentions it has.

    calibration (Calibration): The measured thresholds.
    vectors (Floats): Vectors of the labels, (n_labels, concept_width).
    RETURNS (Floats): (n_labels,).
    """
    found = np.full(len(vectors), calibration.threshold, dtype="float32")
    if not len(calibration.vectors):
        return found
    centre = calibration.centre
    nearness = cosines(vectors - centre, calibration.vectors - centre)
    nearest = nearness.argmax(axis=1)
    near = nearness[np.arange(len(vectors)), nearest] >= NEAR
    counts = calibration.counts[nearest]
    drawn = counts * calibration.thresholds[nearest] + PRIOR * calibration.threshold
    return np.where(near, drawn / (counts + PRIOR), found).astype("float32")


def summarize(calibration: Calibration, *, n_concepts: int = 30) -> dict[str, Any]:
    """Make the content of `metrics/calibration.json`, for people and the report.

    calibration (Calibration): What was measured.
    n_concepts (int): So many concepts are listed, the most frequent ones: the first.
    RETURNS (dict[str, Any]): Plain JSON.
    """
    rows = zip(
        calibration.names, calibration.counts, calibration.thresholds, strict=True
    )
    concepts = [
        {"concept": name, "n": int(n), "threshold": round(float(threshold), 4)}
        for name, n, threshold in rows
    ]
    return {
        "format": FORMAT,
        "threshold": calibration.threshold,
        "scale": calibration.scale,
        "n_concepts": len(concepts),
        "concepts": concepts[:n_concepts],
        "layers": calibration.layers,
        "transitions": calibration.transitions.tolist(),
        "reliability": calibration.reliability,
    }


def cosines(left: Floats, right: Floats) -> Floats:
    """RETURNS (Floats): Cosine of each pair of rows, (n_left, n_right)."""
    norms = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right)]
    # A row of zeros is near nothing
    left, right = (
        rows / np.maximum(norm, TINY)
        for rows, norm in zip((left, right), norms, strict=True)
    )
    return left @ right.T


def check_layers(calibration: Calibration, layers: Sequence[int]) -> bool:
    """RETURNS (bool): Whether the whitening is for vectors that join these states."""
    return list(layers) == calibration.layers
