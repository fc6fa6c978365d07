"""`spacy-nuner compare`: cells of systems -> differences, tests, verdicts."""

from pathlib import Path
from typing import Any

import typer

METRICS = ("token_macro_f1", "entity_micro_f1", "text_set_f1")


def compare(
    experiment: Path = typer.Argument(..., help="Folder of cells: metrics/fewshot."),
    systems: list[str] = typer.Argument(
        ...,
        help="Two systems or more; every two of them are compared. One of another "
        "experiment by its folder: metrics/finetune/nuner.",
    ),
    datasets_dir: Path = typer.Option(
        Path("corpus/ner"), help="Folder of the data sets, from 'convert'."
    ),
    metric: str = typer.Option(
        "token_macro_f1", help=f"What the table shows: {', '.join(METRICS)}."
    ),
    output: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        help="JSON file. Default: comparisons/<experiment>.<systems>.json beside the "
        "experiment.",
    ),
    skip_missing: bool = typer.Option(
        False,
        "--skip-missing",
        help="Leave systems without cells out, with a warning. Else: an error.",
    ),
    resamples: int = typer.Option(2000, min=100, help="Bootstrap samples."),
    seed: int = typer.Option(0, help="Seed of the bootstrap and the permutations."),
) -> None:
    """Say whether systems differ: paired on the same training sets and sentences.

    Intervals are by resampling test sentences and training sets at once. A verdict is
    corrected for the number of data sets (Holm). All metrics are in the JSON file.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.evaluate.cells import write_json
    from spacy_nuner.evaluate.stats.compare import Settings, compare_systems
    from spacy_nuner.evaluate.stats.runs import list_there, locate_system

    if skip_missing:
        systems, missing = list_there(experiment, systems)
        for system in missing:
            msg.warn(f"left out: {system} has no cells with predictions")
        if len(systems) < 2:
            msg.warn("Nothing to compare: fewer than two systems are there")
            return
    places = [locate_system(experiment, system)[0] for system in systems]
    names = ".".join([experiment.name, *(p.replace("/", "-") for p in places)])
    path = output or experiment.parent / "comparisons" / f"{names}.json"
    try:
        if metric not in METRICS:
            allowed = ", ".join(METRICS)
            raise ValueError(Errors.N525.format(got=metric, allowed=allowed))
        settings = Settings(systems, n_resamples=resamples, seed=seed)
        result = compare_systems(experiment, datasets_dir, settings)
        write_json(path, result)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    for line in result["left_out"]:
        msg.warn(f"left out: {line}")
    rows = [row for row in result["differences"] if row["metric"] == metric]
    for one, other in dict.fromkeys((row["one"], row["other"]) for row in rows):
        msg.divider(f"{one} - {other}, {metric}")
        mine = [row for row in rows if (row["one"], row["other"]) == (one, other)]
        header = ("data set", "k", "sets", "difference", "95 %", "p", "p Holm", "")
        msg.table([_cells(row) for row in mine], header=header, divider=True)
    msg.good(f"{path}: all metrics, intervals and tests")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    low, high = row["both"]
    return (
        row["dataset"],
        row["k"],
        str(row["n_sets"]),
        f"{100 * row['value']:+.1f}",
        f"{100 * low:+.1f} to {100 * high:+.1f}",
        f"{row['p']:.4f}",
        "" if row["p_holm"] is None else f"{row['p_holm']:.4f}",
        row["verdict"],
    )
