"""`index.html`: one file, no scripts, nothing from elsewhere, all text escaped."""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any

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
from .rows import FEWSHOT_EXPERIMENT, METRIC, Row
from .svg import read_template
from .tables import (
    list_corpus_facts,
    list_training_facts,
    make_cards,
    make_dataset_tables,
    make_gain_tables,
)

TEMPLATE = "page.html.jinja"
SECTIONS = (
    ("paper", "Beside the paper"),
    ("curves", "Learning curves"),
    ("results", "Results by data set"),
    ("gains", "Gains"),
    ("llm", "LLM, NER v3"),
    ("unreachable", "Not measured"),
    ("corpus", "Corpus"),
    ("pretraining", "Pre-training"),
    ("settings", "Settings"),
    ("reading", "How to read this"),
)


def render_page(summary: dict[str, Any], charts: dict[str, str]) -> str:
    """Render the report's page.

    summary (dict[str, Any]): as `make_summary` gives it.
    charts (dict[str, str]): as `draw_charts` gives them.
    RETURNS (str): a whole HTML document.
    """
    template = _make_environment().get_template(TEMPLATE)
    named = {
        name: [(_title_of(id), Markup(svg)) for id, svg in charts.items() if fits(id)]
        for name, fits in {
            "mean": lambda id: id.startswith("mean-"),
            "datasets": lambda id: id.startswith("set-"),
            "training": lambda id: id.startswith("training-"),
        }.items()
    }
    corpus, log = summary["corpus"], summary["pretraining"]
    hides = not (summary["unreachable"] or summary["uneven"])
    return template.render(
        s=summary,
        styles=Markup(read_template("page.css") + read_template("chart.css")),
        sections=[s for s in SECTIONS if not (hides and s[0] == "unreachable")],
        cards=make_cards(summary),
        charts={**named, "concepts": Markup(charts.get("concepts", ""))},
        llm_groups=[
            (dataset, list(rows))
            for dataset, rows in groupby(summary["llm"], lambda row: row["dataset"])
        ],
        tables=make_dataset_tables(summary["results"]),
        gain_tables=make_gain_tables(summary["gains"], summary["means"]),
        corpus_facts=list_corpus_facts(corpus) if corpus else [],
        training_facts=list_training_facts(log) if log else [],
    )


def draw_charts(summary: dict[str, Any], inputs: Inputs) -> dict[str, str]:
    """Draw all charts that the data allow.

    summary (dict[str, Any]): as `make_summary` gives it.
    inputs (Inputs): for the whole list of concepts and the whole log.
    RETURNS (dict[str, str]): `<svg>` elements by id; the ids serve as file names.
    """
    charts = {}
    for group, name in GROUP_NAMES.items():
        rows = [row for row in summary["means"] if row["group"] == group]
        series = _make_series([(row, row["score"]) for row in rows])
        if series and group == "public":
            series |= _paper_series(series)
        if series:
            title = f"Mean of {name}"
            charts[f"mean-{group}"] = curves.draw_learning_curves(
                f"mean-{group}", title, series
            )
    fewshot = [r for r in summary["results"] if r["experiment"] == FEWSHOT_EXPERIMENT]
    for dataset in sorted({row["dataset"] for row in fewshot}, key=dataset_order):
        rows = [(row, row[METRIC]) for row in fewshot if row["dataset"] == dataset]
        if series := _make_series(rows):
            id = f"set-{dataset}"
            charts[id] = curves.draw_learning_curves(id, name_dataset(dataset), series)
    concepts = (inputs.corpus or {}).get("concepts")
    if concepts:
        charts["concepts"] = curves.draw_concept_frequencies("concepts", concepts)
    return charts | _draw_training(inputs.log or [])


def _draw_training(log: list[dict[str, Any]]) -> dict[str, str]:
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
    for id, parts, y_label in (
        ("training-loss", loss, "binary cross-entropy"),
        ("training-probability", share, "mean probability"),
    ):
        if any(curve for _, _, curve in parts.values()):
            charts[id] = curves.draw_training(id, _title_of(id), parts, y_label=y_label)
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


def _title_of(id: str) -> str:
    titles = {
        "training-loss": "Loss over the steps",
        "training-probability": "Mean probability of positive and negative cells",
    }
    kind, _, rest = id.partition("-")
    if kind == "mean":
        return f"Mean of {GROUP_NAMES[rest]}"
    return titles.get(id) or name_dataset(rest)


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
