"""Cells: one file for each experiment, system, data set, k and seed."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import srsly

from ..errors import Errors
from .predictions import Predictions, predictions_path, write_predictions

# Part of every key: raised when a change of this package changes the figures.
FIGURES_VERSION = 1


def cell_path(
    output: Path, *, system: str, dataset: str, k: int | str, seed: int
) -> Path:
    """Where a cell lies: `<output>/<system>/<dataset>/k<k>/seed<s>.json`.

    output (Path): Folder of the experiment.
    system (str): Row of the report.
    dataset (str): Name of the data set.
    k (int | str): Mentions of each type, or "kw0", "kw8" as it stands.
    seed (int): Number of the training set.
    RETURNS (Path): The file.
    """
    folder = k if isinstance(k, str) else f"k{k}"
    return output / system / dataset / folder / f"seed{seed}.json"


def k_order(k: int | str) -> tuple[str, int]:
    """Sort key of k: 1, 2, 16, then "kw8"."""
    text = str(k)
    digits = "".join(character for character in text if character.isdecimal())
    return text.rstrip("0123456789"), int(digits or 0)


def is_finished(path: Path, key: str) -> bool:
    """Whether the cell is there, made from the same inputs and settings, and whole.

    A cell of an earlier version, which kept no predictions, is not.
    """
    if not predictions_path(path).is_file():
        return False
    try:
        return bool(srsly.read_json(path).get("key") == key)
    except (OSError, ValueError):
        return False


def write_cell(path: Path, content: dict[str, Any], predictions: Predictions) -> None:
    """Write a cell and its predictions, the predictions first.

    A run killed between the two leaves the old cell, whose key says that it is not
    finished, or none.

    path (Path): File of the cell.
    content (dict[str, Any]): Its figures.
    predictions (Predictions): What they were made of.
    """
    write_predictions(path, predictions)
    write_json(path, content)


def check_target(path: Path) -> None:
    """Check that a file can be made, before hours go into what it is to hold.

    path (Path): File to write.
    RAISES (ValueError): If a folder has its name, or a file that of its folder.
    """
    if path.is_dir():
        raise ValueError(Errors.N534.format(path=path, problem="it is a folder"))
    folder = next(above for above in path.parents if above.exists())
    if not folder.is_dir():
        problem = f"'{folder}' is a file, not a folder"
        raise ValueError(Errors.N534.format(path=path, problem=problem))


def write_json(path: Path, value: Any) -> None:
    """Write a file so that a run killed half-way leaves the old one or none.

    path (Path): File to write; its folder is made if missing.
    value (Any): What to write.
    RAISES (ValueError): If a file can't be made there.
    """
    text = json.dumps(value, ensure_ascii=False) + "\n"
    check_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    try:
        beside.write_text(text, encoding="utf8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_unreachable(
    output: Path,
    entries: Iterable[dict[str, Any]],
    *,
    asked: Iterable[tuple[str, int | str]],
) -> None:
    """Record the (dataset, k) that a pool does not allow, in `unreachable.json`.

    output (Path): Folder of the experiment.
    entries (Iterable[dict[str, Any]]): `{"dataset", "k", "types", "reason"}`.
    asked (Iterable[tuple[str, int]]): What this run looked at; entries of earlier runs
        for other data sets or k stay.
    """
    path = output / "unreachable.json"
    seen = set(asked)
    before = srsly.read_json(path) if path.is_file() else []
    kept = [entry for entry in before if (entry["dataset"], entry["k"]) not in seen]
    both = sorted([*kept, *entries], key=lambda e: (e["dataset"], k_order(e["k"])))
    write_json(path, both)
