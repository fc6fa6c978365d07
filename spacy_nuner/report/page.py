"""`index.html`: one file, no scripts, nothing from elsewhere, all text escaped."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from . import curves
from .collect import Inputs
from .curves import CurvePoint
from .names import (
    GROUP_NAMES,
    dataset_order,
    format_signed,
    name_dataset,
    name_system,
    system_order,
)
from .paper import FEWSHOT
from .reliability import draw_reliability
from .rows import FEWSHOT_EXPERIMENT, METRIC, Row
from .svg import read_template
from .tables import (
    describe_calibration,
    list_corpus_facts,
    list_training_facts,
    make_cards,
    make_dataset_tables,
    make_gain_tables,
)

TEMPLATE = "page.html.jinja"
RELIABILITY = "reliability"
SECTIONS = (
    ("paper", "Beside the paper"),
    ("curves", "Learning curves"),
    ("results", "Results by data set"),
    ("gains", "Gains"),
    ("zero-shot", "Zero-shot"),
    ("llm", "LLM, NER v3"),
    ("unreachable", "Not measured"),
    ("corpus", "Corpus"),
    ("pretraining", "Pre-training"),
    ("settings", "Settings"),
    ("reading", "How to read this"),
)


class Chart(NamedTuple):
    """A figure of the page."""

    title: str
    svg: str


def render_page(summary: dict[str, Any], charts: dict[str, Chart]) -> str:
    """Render the report's page.

    summary (dict[str, Any]): as `make_summary` gives it.
    charts (dict[str, Chart]): as `draw_charts` gives them.
    RETURNS (str): a whole HTML document.
    """
    template = _make_environment().get_template(TEMPLATE)
    named = {
        name: [
            (chart.title, Markup(chart.svg))
            for id, chart in charts.items()
            if id.startswith(prefix)
        ]
        for name, prefix in (
            ("mean", "mean-"),
            ("datasets", "set-"),
            ("training", "training-"),
        )
    }
    corpus, log = summary["corpus"], summary["pretraining"]
    calibration = summary["calibration"]
    single = {id: charts.get(id) for id in ("concepts", RELIABILITY)}
    hidden = set()
    if not (summary["unreachable"] or summary["uneven"]):
        hidden.add("unreachable")
    if not (summary["zero_shot"] or summary["calibration"]):
        hidden.add("zero-shot")
    return template.render(
        s=summary,
        styles=Markup(read_template("page.css") + read_template("chart.css")),
        sections=[section for section in SECTIONS if section[0] not in hidden],
        cards=make_cards(summary),
        charts=named | {id: one and Markup(one.svg) for id, one in single.items()},
        llm_groups=[
            (dataset, list(rows))
            for dataset, rows in groupby(summary["llm"], lambda row: row["dataset"])
        ],
        tables=make_dataset_tables(summary["results"]),
        gain_tables=make_gain_tables(summary["gains"], summary["means"]),
        calibration_text=describe_calibration(calibration) if calibration else "",
        corpus_facts=list_corpus_facts(corpus) if corpus else [],
        training_facts=list_training_facts(log) if log else [],
    )


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
            charts[id] = Chart(title, svg)
    fewshot = [r for r in summary["results"] if r["experiment"] == FEWSHOT_EXPERIMENT]
    for dataset in sorted({row["dataset"] for row in fewshot}, key=dataset_order):
        rows = [(row, row[METRIC]) for row in fewshot if row["dataset"] == dataset]
        if series := _make_series(rows):
            # a data set's name is free text, an id and a file name are not
            id, title = f"set-{_slug(dataset)}", name_dataset(dataset)
            svg = curves.draw_learning_curves(id, title, series)
            charts[id] = Chart(title, svg)
    concepts = (inputs.corpus or {}).get("concepts")
    if concepts:
        svg = curves.draw_concept_frequencies("concepts", concepts)
        charts["concepts"] = Chart("Concept frequencies", svg)
    points = (summary["calibration"] or {}).get("reliability")
    if points:
        title = "Predicted and observed probability of a concept"
        svg = draw_reliability(RELIABILITY, title, points)
        charts[RELIABILITY] = Chart(title, svg)
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
            charts[id] = Chart(title, svg)
    return charts


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


def _slug(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]+", "-", name)


def _make_environment() -> Environment:
    environment = Environment(
        loader=DictLoader({TEMPLATE: read_template(TEMPLATE)}),
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "points": lambda value, digits=1: (
            "–" if value is None else f"{value:.{digits}f}"
        ),
        "signed": format_signed,
        "system": name_system,
        "dataset": name_dataset,
        "count": lambda value: "–" if value is None else f"{value:,}",
        "pretty": lambda value: json.dumps(
            value, indent=1, ensure_ascii=False, default=str
        ),
    }
    return environment
