"""The figures of the page, each with the data behind it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from . import curves
from .collect import Inputs
from .curves import K_AXIS, Axis, CurvePoint, Looks, Series, look_of
from .names import (
    GROUP_NAMES,
    dataset_order,
    name_dataset,
    system_order,
)
from .paper import FEWSHOT
from .reliability import draw_reliability
from .rows import FEWSHOT_EXPERIMENT, METRIC, Row

RELIABILITY: Final = "reliability"
# A curve of hundreds of points is shown by so many of them
N_ROWS: Final = 30


class ChartData(NamedTuple):
    """The table behind a figure."""

    columns: list[str]
    rows: list[list[str]]


class Chart(NamedTuple):
    """A figure of the page."""

    title: str
    svg: str
    data: ChartData


def draw_charts(summary: dict[str, Any], inputs: Inputs) -> dict[str, Chart]:
    """Draw all charts that the data allow.

    summary (dict[str, Any]): as `make_summary` gives it.
    inputs (Inputs): for the whole list of concepts and the whole log.
    RETURNS (dict[str, Chart]): figures by id; the ids serve as file names.
    """
    charts: dict[str, Chart] = {}
    for group, name in GROUP_NAMES.items():
        rows = [row for row in summary["means"] if row["group"] == group]
        series = _make_series([(row, row["score"]) for row in rows])
        if series and group == "public":
            series |= _paper_series(series)
        if series:
            title = f"Mean of {name}"
            id = f"mean-{group}"
            svg = curves.draw_learning_curves(id, title, series)
            charts[id] = Chart(title, svg, list_curves(series))
    fewshot = [r for r in summary["results"] if r["experiment"] == FEWSHOT_EXPERIMENT]
    for dataset in sorted({row["dataset"] for row in fewshot}, key=dataset_order):
        rows = [(row, row[METRIC]) for row in fewshot if row["dataset"] == dataset]
        if series := _make_series(rows):
            # a data set's name is free text, an id and a file name are not
            id, title = f"set-{slug(dataset)}", name_dataset(dataset)
            svg = curves.draw_learning_curves(id, title, series)
            charts[id] = Chart(title, svg, list_curves(series))
    concepts = (inputs.corpus or {}).get("concepts")
    if concepts:
        svg = curves.draw_concept_frequencies("concepts", concepts)
        data = list_frequencies(concepts)
        charts["concepts"] = Chart("Concept frequencies", svg, data)
    points = (summary["calibration"] or {}).get("reliability")
    if points:
        title = "Predicted and observed probability of a concept"
        svg = draw_reliability(RELIABILITY, title, points)
        charts[RELIABILITY] = Chart(title, svg, list_reliability(points))
    return charts | _draw_training(inputs.log or [])


def _draw_training(log: list[dict[str, Any]]) -> dict[str, Chart]:
    loss = {
        "loss": ("train", "s-nuner", curves.split_log(log, "loss")),
        "dev_loss": ("dev", "s-nuner_concept_start", curves.split_log(log, "dev_loss")),
    }
    share = {
        "p_pos": ("positive", "s-nuner", curves.split_log(log, "p_pos")),
        "dev_p_pos": (
            "positive, dev",
            "s-nuner_concept_start",
            curves.split_log(log, "dev_p_pos"),
        ),
        "p_neg": ("negative", "s-base", curves.split_log(log, "p_neg")),
    }
    charts = {}
    for id, title, parts, y_label in (
        ("training-loss", "Loss over the steps", loss, "binary cross-entropy"),
        (
            "training-probability",
            "Mean probability of positive and negative cells",
            share,
            "mean probability",
        ),
    ):
        if any(curve for _, _, curve in parts.values()):
            svg = curves.draw_training(id, title, parts, y_label=y_label)
            charts[id] = Chart(title, svg, list_training(parts))
    return charts


def list_curves(
    series: Series, *, looks: Looks | None = None, axis: Axis = K_AXIS
) -> ChartData:
    """Lay learning curves out as a table: systems as rows, k as columns.

    series (Series): points by system.
    looks (Looks | None): names, in the order of the rows; by default those and the
        order of the report's systems.
    axis (Axis): what is in the place of k.
    RETURNS (ChartData): means with their intervals.
    """
    order = sorted(series, key=system_order)
    looks = looks or {system: look_of(system) for system in order}
    ks = sorted({point.k for curve in series.values() for point in curve})
    rows = []
    for system, look in looks.items():
        by_k = {point.k: point for point in series.get(system, ())}
        rows.append([look.name, *(_format_point(by_k.get(k)) for k in ks)])
    return ChartData(["System", *(axis.point.format(k) for k in ks)], rows)


def _format_point(point: CurvePoint | None) -> str:
    if point is None:
        return "–"
    if point.low is None or point.high is None:
        return f"{point.mean:.1f}"
    return f"{point.mean:.1f} ({point.low:.1f} to {point.high:.1f})"


def list_frequencies(concepts: Sequence[tuple[str, int]]) -> ChartData:
    """Lay concept frequencies out as a table, at ranks that grow by factors.

    concepts (Sequence[tuple[str, int]]): all concepts, most common first.
    RETURNS (ChartData): rank, concept, mentions.
    """
    n = len(concepts)
    powers = [10**power for power in range(len(str(n)))]
    ranks = {m * power for power in powers for m in (1, 2, 5)} | {n}
    rows = [
        [f"{rank:,}", str(concepts[rank - 1][0]), f"{concepts[rank - 1][1]:,}"]
        for rank in sorted(rank for rank in ranks if rank <= n)
    ]
    return ChartData(["Rank", "Concept", "Mentions"], rows)


def list_reliability(points: Iterable[Mapping[str, Any]]) -> ChartData:
    """Lay the points of the reliability figure out as a table.

    points (Iterable[Mapping[str, Any]]): as the calibration has them.
    RETURNS (ChartData): a row per point.
    """
    rows = [
        [
            str(point["name"]),
            f"{point['predicted']:.3f}",
            f"{point['observed']:.3f}",
            f"{point['n']:,}",
        ]
        for point in points
    ]
    return ChartData(["Curve", "Predicted", "Observed", "Pairs"], rows)


def list_training(
    parts: Mapping[str, tuple[str, str, Sequence[tuple[float, float]]]],
) -> ChartData:
    """Lay the curves of the pre-training out as a table.

    parts (Mapping[str, tuple[str, str, Sequence[tuple[float, float]]]]): as
        `draw_training` takes them.
    RETURNS (ChartData): steps as rows, at most about `N_ROWS`, the last among them.
    """
    drawn = [(name, dict(curve)) for name, _, curve in parts.values() if curve]
    steps = sorted({step for _, curve in drawn for step in curve})
    stride = -(-len(steps) // N_ROWS)
    kept = steps[::-stride][::-1]
    rows = [
        [f"{step:g}", *(_format_figure(curve.get(step)) for _, curve in drawn)]
        for step in kept
    ]
    note = f" ({len(kept)} of {len(steps):,})" if len(kept) < len(steps) else ""
    return ChartData([f"Step{note}", *(name for name, _ in drawn)], rows)


def _format_figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _make_series(
    rows: Sequence[tuple[Row, Row]],
) -> dict[str, list[CurvePoint]]:
    """Points by system from pairs of a row and its score; only k~2k rows."""
    series: dict[str, list[CurvePoint]] = defaultdict(list)
    for row, score in rows:
        if row["k"].isdigit():
            point = CurvePoint(
                int(row["k"]), score["mean"], score["low"], score["high"]
            )
            series[row["system"]].append(point)
    return {
        system: sorted(series[system])
        for system in sorted(series, key=system_order, reverse=True)
    }


def _paper_series(
    ours: dict[str, list[CurvePoint]],
) -> dict[str, list[CurvePoint]]:
    """The paper's curves over the k that we have."""
    ks = {point.k for curve in ours.values() for point in curve}
    found = {}
    for system in ("nuner", "roberta"):
        figures = FEWSHOT[system]
        curve = [CurvePoint(k, figures[k], None, None) for k in sorted(figures)]
        if kept := [point for point in curve if point.k in ks]:
            found[f"paper_{system}"] = kept
    return found


def slug(name: str) -> str:
    """RETURNS (str): A name that can stand in an id and in a file name."""
    return re.sub(r"[^a-zA-Z0-9_]+", "-", name)
