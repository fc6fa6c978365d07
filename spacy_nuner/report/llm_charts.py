"""The paper's Figure 12: our learning curves, and the LLM as dashed lines."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from .ablation_charts import make_point
from .charts import Chart, ChartData, list_curves, slug
from .curves import K_AXIS, Axis, CurvePoint, Look, draw_learning_curves, look_of
from .names import format_points, name_dataset
from .ours import Ours, Place
from .paper import LLM as PAPER_LLM
from .paper import LLM_SYSTEMS
from .reproduce import WORDS_TABLES
from .rows import METRIC
from .sources import LLM, Source

WORDS_AXIS: Final = Axis("k_w (words of each type)", "k_w = {:,}")
WORDS: Final = "_words"  # at the end of an experiment's name: sets of k_w words


class Drawn(NamedTuple):
    """A system of ours that is drawn if it has cells."""

    key: str
    experiment: str
    system: str
    look: Look


SYSTEMS: Final = (
    Drawn("base", "fewshot", "base", look_of("base")),
    Drawn("nuner", "fewshot", "nuner", look_of("nuner")),
    Drawn(
        "nuner_concept_start",
        "fewshot",
        "nuner_concept_start",
        look_of("nuner_concept_start"),
    ),
    Drawn("tuned", "finetune", "nuner", Look("NuNER, tuned", "v-2", "triangle")),
    Drawn(
        "tuned_concept_start",
        "finetune",
        "nuner_concept_start",
        Look("concept start, tuned", "v-3", "square"),
    ),
)


def draw_beside_llm(ours: Ours) -> dict[str, Chart]:
    """Draw a figure for each data set of Tables 10 and 11 with cells of an LLM.

    Curves are over sets of k_w words where there are any, else over k~2k sets.

    ours (Ours): Our figures.
    RETURNS (dict[str, Chart]): By id, "words-…".
    """
    charts = {}
    for dataset in WORDS_TABLES.values():
        id = f"words-{slug(dataset)}"
        if chart := _draw(id, dataset, ours):
            charts[id] = chart
    return charts


def _draw(id: str, dataset: str, ours: Ours) -> Chart | None:
    levels = dict(_list_levels(dataset, ours))
    n_asked = ours.count_asked(LLM, dataset)
    has_words = any(e.endswith(WORDS) and d == dataset for e, _, d, _ in ours.scores)
    series: dict[str, list[CurvePoint]] = {}
    looks: dict[str, Look] = {}
    are_same = True
    for drawn in SYSTEMS:
        for place in _list_places(drawn, dataset, ours, has_words=has_words):
            metric = ours.narrow(place, METRIC, n_asked)
            n_test = ours.n_test[(*place.source[:2], dataset, place.k)]
            are_same = are_same and (metric != METRIC or n_test == n_asked)
            figure = ours.describe(place.source, place.k, metric, [dataset])
            point = make_point(place.k.removeprefix("kw"), figure)
            series.setdefault(drawn.key, []).append(point)
            looks[drawn.key] = drawn.look
    if not levels or not series:
        return None
    if has_words:
        column = LLM_SYSTEMS.index("NuNER")
        paper = [(k, row[column]) for k, row in PAPER_LLM[dataset].items()]
        curve = [CurvePoint(k, y, None, None) for k, y in paper if y is not None]
        series["paper_nuner"], looks["paper_nuner"] = curve, look_of("paper_nuner")
    on = f"the LLM's {n_asked:,}" if n_asked and are_same else "not the same"
    title = f"{name_dataset(dataset)}, {on} test sentences"
    axis = WORDS_AXIS if has_words else K_AXIS
    svg = draw_learning_curves(id, title, series, looks=looks, axis=axis, levels=levels)
    columns, rows = list_curves(series, looks=looks, axis=axis)
    n_places = len(columns) - 1
    rows += [[name, *[format_points(y)] * n_places] for name, y in levels.items()]
    return Chart(title, svg, ChartData(columns, rows))


def _list_levels(dataset: str, ours: Ours) -> Iterator[tuple[str, float]]:
    """YIELDS (tuple[str, float]): The LLM by the words of each type in its prompt."""
    for k in ours.ks(LLM):
        if place := ours.find(LLM, k, METRIC, [dataset]):
            n = place.k.removeprefix("kw")
            name = "LLM, no examples" if n == "0" else f"LLM, k_w = {n}"
            figure = ours.describe(place.source, place.k, METRIC, [dataset])
            yield name, figure["mean"]


def _list_places(
    drawn: Drawn, dataset: str, ours: Ours, *, has_words: bool
) -> Iterator[Place]:
    """YIELDS (Place): The cells of a curve, by k."""
    experiment = drawn.experiment + (WORDS if has_words else "")
    sources = [Source(experiment, drawn.system)]
    places = (ours.find(sources, k, METRIC, [dataset]) for k in ours.ks(sources))
    yield from (place for place in places if place)
