"""Zero-shot results: labels known by name alone. They are no few-shot rows."""

from collections.abc import Iterable
from typing import Final

from .collect import Cell
from .names import dataset_order, system_order
from .rows import FEWSHOT_EXPERIMENT, Row, make_results

ZERO_SHOT_K: Final = "0"


def split_cells(cells: Iterable[Cell]) -> tuple[list[Cell], list[Cell]]:
    """Tell zero-shot cells from all others.

    They lie among the few-shot cells, with k = 0 and one "training set" that is empty:
    in a learning curve, or in a mean over training sets, they would be misread.

    cells (Iterable[Cell]): finished cells.
    RETURNS (tuple[list[Cell], list[Cell]]): the others, and the zero-shot cells.
    """
    others: list[Cell] = []
    zero_shot: list[Cell] = []
    for cell in cells:
        is_zero_shot = cell.experiment == FEWSHOT_EXPERIMENT and cell.k == ZERO_SHOT_K
        (zero_shot if is_zero_shot else others).append(cell)
    return others, zero_shot


def make_zero_shot(cells: Iterable[Cell]) -> list[Row]:
    """One row per data set and system, in the order of the table.

    cells (Iterable[Cell]): zero-shot cells.
    RETURNS (list[Row]): rows as `make_results` gives them.
    """
    return sorted(
        make_results(cells),
        key=lambda row: (dataset_order(row["dataset"]), system_order(row["system"])),
    )
