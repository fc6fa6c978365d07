"""Find and read the cells that a comparison is made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import srsly

from ...errors import Errors
from ..metrics import Ints
from ..predictions import predictions_path, read_predictions

Group = dict[str, list[Path]]  # cells of one data set and k, by system


class Found(NamedTuple):
    """Predictions of the cells of one data set and k."""

    spans: dict[str, dict[int, Ints]]  # entities by system and seed
    gold_sha256: str  # of the tested sentences
    sentences: list[int] | None  # rows of the test set; None: all of it


def locate_system(experiment: Path, system: str) -> tuple[str, Path]:
    """Find the folder of a system's cells.

    experiment (Path): Folder of the experiment.
    system (str): A system of it; or, with a "/", the folder of any experiment's.
    RETURNS (tuple[str, Path]): Name in the results, "finetune/nuner" for one of another
        experiment; the folder.
    """
    if "/" not in system:
        return system, experiment / system
    folder = Path(system)
    there, root = folder.resolve(), experiment.resolve()
    if there.parent == root:
        return there.name, folder
    if there.is_relative_to(root.parent):
        return there.relative_to(root.parent).as_posix(), folder
    return f"{there.parent.name}/{there.name}", folder


def list_there(experiment: Path, systems: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell systems that have cells with predictions from those that have none.

    experiment (Path): Folder of the cells.
    systems (Sequence[str]): As for `find_groups`.
    RETURNS (tuple[list[str], list[str]]): Both, in order.
    """
    there: list[str] = []
    missing: list[str] = []
    for system in systems:
        _, folder = locate_system(experiment, system)
        has_any = any(predictions_path(path).is_file() for path in _list_cells(folder))
        (there if has_any else missing).append(system)
    return there, missing


def find_groups(
    experiment: Path, systems: Sequence[str]
) -> tuple[dict[str, dict[str, Group]], list[str]]:
    """Find the cells of some systems that have predictions.

    experiment (Path): Folder of the cells.
    systems (Sequence[str]): At least two; see `locate_system`.
    RETURNS (tuple[dict, list[str]]): By data set and k, the cells of each system; in
        words, what has no predictions.
    RAISES (ValueError): If there are fewer than two systems, or one has no such cell.
    """
    folders = dict(locate_system(experiment, system) for system in systems)
    if len(folders) < 2:
        raise ValueError(Errors.N514.format(got=", ".join(systems) or "none"))
    groups: dict[str, dict[str, Group]] = {}
    left_out = []
    for system, folder in folders.items():
        cells = _list_cells(folder)
        bare = [cell for cell in cells if not predictions_path(cell).is_file()]
        if len(bare) == len(cells):
            found = sorted(path.name for path in folder.parent.glob("*/"))
            raise ValueError(
                Errors.N515.format(
                    path=folder, n=len(cells), found=", ".join(found) or "none"
                )
            )
        if bare:
            left_out.append(f"{system}: {len(bare)} cells without predictions")
        for cell in sorted(set(cells) - set(bare), key=_seed):
            # A folder "k4" or "kw8"; the cell says 4 or "kw8"
            name = cell.parent.name
            k = name[1:] if name[1:].isdecimal() else name
            by_k = groups.setdefault(cell.parents[1].name, {})
            by_k.setdefault(k, {}).setdefault(system, []).append(cell)
    return groups, left_out


def _list_cells(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*/seed*.json"), key=_seed)


def _seed(path: Path) -> int:
    return int(path.stem.removeprefix("seed"))


def read_group(group: Group) -> Found:
    """Read predictions and check that they can be compared.

    group (Group): Cells of one data set and k.
    RETURNS (Found): Entities by system and seed.
    RAISES (ValueError): If predictions are not of the cell beside them or not on the
        same sentences, or systems learned from different sets of the same number.
    """
    spans: dict[str, dict[int, Ints]] = {}
    lessons: dict[int, tuple[Path, list[int]]] = {}
    tested: tuple[str, list[int] | None] | None = None
    for system, paths in group.items():
        for path in paths:
            file, cell = predictions_path(path), srsly.read_json(path)
            found = read_predictions(file)
            tested = tested or (found.gold_sha256, found.sentences)
            problem = None
            if found.key != cell["key"]:
                problem = f"it doesn't belong to {path.name}"
            elif found.gold_sha256 != tested[0]:
                problem = "it was made on other sentences than those beside it"
            if problem:
                raise ValueError(Errors.N516.format(path=file, problem=problem))
            lesson = cell.get("train_indices", [])
            first, other = lessons.setdefault(_seed(path), (path, lesson))
            if lesson != other:
                raise ValueError(Errors.N517.format(one=first, other=path))
            spans.setdefault(system, {})[_seed(path)] = found.spans
    gold_sha256, sentences = tested or ("", None)
    return Found(spans, gold_sha256, sentences)
