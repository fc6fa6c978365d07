"""Figures of the ablations: F1 over k by variant, or over the size of the corpus."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .charts import Chart, list_curves, slug
from .curves import Axis, CurvePoint, Look, draw_learning_curves, look_of
from .ours import ABLATIONS, Ours
from .rows import METRIC, Row
from .sources import ABLATIONS as IN_TABLE
from .sources import Source

SIZE: Final = "size"
SIZE_K: Final = "8"
SIZE_AXIS: Final = Axis("sentences of pre-training", "{:,} sentences")
SHAPES: Final = ("circle", "diamond", "triangle", "square")
N_COLOURS: Final = 6  # v-0 to v-5 in chart.css
Variants = Mapping[str, Mapping[str, Any]]  # variant.json by name


def draw_ablations(ours: Ours) -> dict[str, Chart]:
    """Draw a figure for each ablation of which two variants or more have cells.

    ours (Ours): Our figures.
    RETURNS (dict[str, Chart]): By id, "ablation-…"; those of the paper first.
    """
    charts = {}
    tables = {ablation: number for number, ablation in IN_TABLE.items()}
    for name in dict.fromkeys([*tables, *(name for name, _ in ours.variants)]):
        variants = {v: about for (a, v), about in ours.variants.items() if a == name}
        if not variants:
            continue
        title = str(next(iter(variants.values()))["title"])
        title += f" (Table {tables[name]})" if name in tables else ""
        # An ablation's name is free text, an id and a file name are not
        id = f"ablation-{slug(name)}"
        draw = _draw_sizes if name == SIZE else _draw_variants
        if chart := draw(id, title, name, variants, ours):
            charts[id] = chart
    return charts


def _draw_variants(
    id: str, title: str, name: str, variants: Variants, ours: Ours
) -> Chart | None:
    series: dict[str, list[CurvePoint]] = {}
    for k in ours.ks([Source(f"{ABLATIONS}/{name}", "*")]):
        if k.isdigit():
            for variant, figure in _list_figures(name, variants, k, ours):
                series.setdefault(variant, []).append(make_point(k, figure))
    if len(series) < 2:
        return None
    looks = {
        variant: Look(
            variant.replace("_", " "), f"v-{i % N_COLOURS}", SHAPES[i % len(SHAPES)]
        )
        for i, variant in enumerate(series)
    }
    svg = draw_learning_curves(id, title, series, looks=looks)
    return Chart(title, svg, list_curves(series, looks=looks))


def _draw_sizes(
    id: str, title: str, name: str, variants: Variants, ours: Ours
) -> Chart | None:
    points = [
        make_point(variants[variant]["corpus"]["n_train"], figure)
        for variant, figure in _list_figures(name, variants, SIZE_K, ours)
    ]
    if len({point.k for point in points}) < 2:
        return None
    series = {"nuner": sorted(points)}
    looks = {"nuner": look_of("nuner")._replace(name=f"k = {SIZE_K}")}
    svg = draw_learning_curves(id, title, series, looks=looks, axis=SIZE_AXIS)
    return Chart(title, svg, list_curves(series, looks=looks, axis=SIZE_AXIS))


def _list_figures(
    name: str, variants: Variants, k: str, ours: Ours
) -> Iterator[tuple[str, Row]]:
    """YIELDS (tuple[str, Row]): Variants with as many data sets as any of them has."""
    places = {
        variant: place
        for variant in variants
        if (place := ours.find([Source(f"{ABLATIONS}/{name}", variant)], k, METRIC))
    }
    best = max((place.rank for place in places.values()), default=None)
    for variant, place in places.items():
        if place.rank == best:
            yield variant, ours.describe(place.source, k, METRIC, place.datasets)


def make_point(k: int | str, figure: Row) -> CurvePoint:
    """RETURNS (CurvePoint): Of a figure with its interval."""
    return CurvePoint(int(k), figure["mean"], figure["low"], figure["high"])
