"""How often the planner's intervals hold: small k tell of larger ones.

From the few-shot cells with k up to 16 (and up to 8) F1 at larger k is forecast, and
held against the cells that are there. The spread of the formula (`MODEL_SD`, from
0.005, 0.01, 0.015, 0.02) and the weights of the sizes (alike, or by the size) were
chosen on the data sets that the project ships; the rows of the public ones were looked
at, too.

    python benchmarks/planner.py metrics/fewshot --docs docs/experiments.md
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import typer
from common import REPORTS, make_table, put_block, read_command, write_json
from wasabi import msg

from spacy_nuner.component.fewshot.learning_curve import MODEL_SD, forecast
from spacy_nuner.report.rows import GROUPS

METRICS = ("token_macro_f1", "entity_micro_f1")
# What is known, what is asked
TASKS = (((1, 2, 4, 8, 16), (32, 64)), ((1, 2, 4, 8), (16, 32, 64)))
Cells = dict[tuple[str, str, str], dict[int, list[float]]]


def read_cells(folder: Path) -> Cells:
    """RETURNS (Cells): F1 of all sets by system, data set and metric, then by k."""
    cells: Cells = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.glob("*/*/k*/seed*.json")):
        cell = json.loads(path.read_text(encoding="utf8"))
        if cell["k"] == 0:
            continue
        for metric in METRICS:
            place = cell["system"], cell["dataset"], metric
            cells[place][int(cell["k"])].append(cell[metric])
    return cells


def check(
    cells: Cells, datasets: Sequence[str], known: Sequence[int], asked: int
) -> dict[str, Any] | None:
    """Forecast one k of all curves of some data sets.

    cells (Cells): All cells.
    datasets (Sequence[str]): The data sets.
    known (Sequence[int]): k that are used.
    asked (int): k that is forecast.
    RETURNS (dict[str, Any] | None): Shares of sets and of means within the intervals,
        mean width, mean difference; None without such curves.
    """
    sets: list[bool] = []
    means: list[bool] = []
    widths: list[float] = []
    errors: list[float] = []
    for (_, dataset, _), curve in cells.items():
        if dataset not in datasets or not {*known, asked} <= curve.keys():
            continue
        (found,) = forecast(known, [curve[k] for k in known], [asked])
        truth = fmean(curve[asked])
        sets += [found.low <= value <= found.high for value in curve[asked]]
        means.append(found.mean_low <= truth <= found.mean_high)
        widths.append(found.high - found.low)
        errors.append(found.expected - truth)
    if not means:
        return None
    return {
        "known": max(known),
        "asked": asked,
        "n_curves": len(means),
        "n_sets": len(sets),
        "sets_within": fmean(sets),
        "means_within": fmean(means),
        "width": fmean(widths),
        "difference": fmean(errors),
        "absolute": fmean(map(abs, errors)),
    }


def make_rows(results: Sequence[dict[str, Any]]) -> list[list[str]]:
    """RETURNS (list[list[str]]): Of the table in the docs."""
    return [
        [
            f"{row['group']} ({row['n_curves']} curves)",
            f"up to {row['known']}",
            str(row["asked"]),
            f"{100 * row['sets_within']:.0f} %",
            f"{100 * row['means_within']:.0f} %",
            f"{100 * row['width'] / 2:.1f}",
            f"{100 * row['difference']:+.1f}",
            f"{100 * row['absolute']:.1f}",
        ]
        for row in results
    ]


def main(
    cells: Path = typer.Argument(Path("metrics/fewshot"), help="Few-shot cells."),
    docs: Path | None = typer.Option(None, help="File with the marks of the table."),
) -> None:
    """Check the planner's intervals."""
    known = read_cells(cells)
    results = []
    for group, names in GROUPS.items():
        for given, targets in TASKS:
            for asked in targets:
                if row := check(known, names, given, asked):
                    results.append({"group": group, **row})
    header = ["sets", "known k", "k", "sets within", "means within"]
    header += ["± points", "difference", "absolute"]
    table = make_table(header, make_rows(results))
    print("\n".join(table))
    content = {"command": read_command(), "model_sd": MODEL_SD, "rows": results}
    write_json(REPORTS / "planner.json", content)
    if docs is not None:
        put_block(docs, "planner", table)
    msg.good(f"{REPORTS / 'planner.json'}")


if __name__ == "__main__":
    typer.run(main)
