"""Predictions of a cell: `seed<s>.npz` beside `seed<s>.json`, a few kilobytes.

Entities alone are kept: types of words are read off them, so that every metric can be
computed again without the model.
"""

import io
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors
from .data import Gold, sha256_of
from .metrics import Ints


class Predictions(NamedTuple):
    """What one system found in the sentences of a test set."""

    spans: Ints  # (n_entities, 3) start, end, type; positions in the tested tokens
    key: str  # of the cell
    gold_sha256: str  # of the tested sentences, from `hash_gold`
    sentences: list[int] | None = None  # rows of the test set; None: all of it


def hash_gold(gold: Gold, labels: Sequence[str]) -> str:
    """RETURNS (str): Hash of words, entities and labels: what positions refer to."""
    words = [[token.text_with_ws for token in doc] for doc in gold.docs]
    return sha256_of([list(labels), words, gold.types.tolist(), gold.spans.tolist()])


def predictions_path(cell: Path) -> Path:
    """RETURNS (Path): Where the predictions of a cell lie."""
    return cell.with_suffix(".npz")


def write_predictions(cell: Path, predictions: Predictions) -> None:
    """Write the predictions of a cell, all or nothing.

    Entities are sorted and kept as distance to the one before, length and type: small
    numbers, which deflate packs to about a byte each.

    cell (Path): The cell's own file.
    predictions (Predictions): What to write.
    """
    rows = predictions.spans
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    before = np.concatenate(([0], rows[:-1, 1]))[: len(rows)]
    _, key, gold_sha256, sentences = predictions
    about = {"key": key, "gold_sha256": gold_sha256, "sentences": sentences}
    text = json.dumps(about).encode("utf8")
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        about=np.frombuffer(text, dtype="uint8"),
        gaps=_shrink(rows[:, 0] - before),
        lengths=_shrink(rows[:, 1] - rows[:, 0]),
        types=_shrink(rows[:, 2]),
    )
    path = predictions_path(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    beside.write_bytes(stream.getvalue())
    os.replace(beside, path)


def _shrink(values: Ints) -> NDArray[np.unsignedinteger]:
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def read_predictions(path: Path) -> Predictions:
    """Read the predictions of a cell.

    path (Path): `seed<s>.npz`.
    RETURNS (Predictions): What was found.
    RAISES (ValueError): If the file is damaged.
    """
    content = path.read_bytes()
    try:
        # From memory: of a damaged file numpy would leave the handle open
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            gaps, lengths, types = (
                file[name].astype("int64") for name in ("gaps", "lengths", "types")
            )
            about = json.loads(file["about"].tobytes())
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(Errors.N513.format(path=path, problem=error)) from None
    starts = np.cumsum(gaps + np.concatenate(([0], lengths[:-1]))[: len(gaps)])
    spans = np.stack([starts, starts + lengths, types], axis=1)
    return Predictions(spans, **about)


def fill_types(spans: Ints, n_tokens: int) -> Ints:
    """Types of the tokens, from the entities.

    White space within an entity gets its type, which no metric looks at.

    spans (Ints): Rows (start, end, type) that don't overlap.
    n_tokens (int): Number of tokens.
    RETURNS (Ints): (n_tokens,)
    """
    edges = np.zeros(n_tokens + 1, dtype="int64")
    np.add.at(edges, spans[:, 0], spans[:, 2])
    np.subtract.at(edges, spans[:, 1], spans[:, 2])
    return np.cumsum(edges)[:-1]
