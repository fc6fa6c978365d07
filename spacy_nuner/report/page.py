"""`index.html`: one file with nothing from elsewhere, all text escaped.

The figures are SVG, so the page has no script but for the concept map, which is a page
of its own within it: what may run is named by its hash.
"""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from ..plain import mark_unseen
from .charts import RELIABILITY, Chart
from .concept_map import ConceptMap, list_coverage, list_top_concepts, pack
from .findings import NOT_MEASURED
from .inline import has_library, make_policy, read_library
from .names import format_signed, name_dataset, name_system
from .reproduce import say_setting
from .rows import Row
from .svg import read_template
from .tables import (
    describe_calibration,
    list_corpus_facts,
    list_training_facts,
    make_cards,
    make_dataset_tables,
    make_gain_tables,
)

TEMPLATE: Final = "page.html.jinja"
PARTS: Final = ("parts.html.jinja", "concept_map.html.jinja", "paper.html.jinja")
SECTIONS: Final = (
    ("paper", "Beside the paper"),
    ("curves", "Learning curves"),
    ("ablations", "Ablations"),
    ("results", "Results by data set"),
    ("gains", "Gains"),
    ("zero-shot", "Zero-shot"),
    ("llm", "LLM, NER v3"),
    ("unreachable", "Not measured"),
    ("corpus", "Corpus"),
    ("map", "Concept map"),
    ("coverage", "Coverage"),
    ("pretraining", "Pre-training"),
    ("settings", "Settings"),
    ("reading", "How to read this"),
)


def render_page(
    summary: dict[str, Any],
    charts: dict[str, Chart],
    *,
    concept_map: ConceptMap | None = None,
    paper_tables: Sequence[Row] = (),
    findings: Sequence[Row] = (),
) -> str:
    """Render the report's page.

    summary (dict[str, Any]): as `make_summary` gives it.
    charts (dict[str, Chart]): as `draw_charts`, `draw_ablations` and
        `draw_beside_llm` give them.
    concept_map (ConceptMap | None): as `read_concept_map` gives it.
    paper_tables (Sequence[Row]): as `make_tables` gives them; those without any figure
        of ours are named, with what would make them.
    findings (Sequence[Row]): as `make_findings` gives them.
    RETURNS (str): a whole HTML document.
    """
    named = {
        name: [chart for id, chart in charts.items() if id.startswith(prefix)]
        for name, prefix in (
            ("mean", "mean-"),
            ("datasets", "set-"),
            ("training", "training-"),
            ("ablations", "ablation-"),
            ("llm", "words-"),
        )
    }
    corpus, log = summary["corpus"], summary["pretraining"]
    calibration = summary["calibration"]
    single = {id: charts.get(id) for id in ("concepts", RELIABILITY)}
    shown_map = _show_map(concept_map) if concept_map else None
    hidden = set()
    if not (summary["unreachable"] or summary["uneven"]):
        hidden.add("unreachable")
    if not (summary["zero_shot"] or summary["calibration"]):
        hidden.add("zero-shot")
    if not named["ablations"]:
        hidden.add("ablations")
    if not shown_map:
        hidden.add("map")
    if not (shown_map and shown_map["coverage"]):
        hidden.add("coverage")
    scripts = shown_map["scripts"] if shown_map else []
    styles = ["page.css", "chart.css", *(["concept_map.css"] if shown_map else [])]
    return (
        _make_environment()
        .get_template(TEMPLATE)
        .render(
            s=summary,
            policy=make_policy(scripts),
            styles=Markup("".join(read_template(name) for name in styles)),
            sections=[section for section in SECTIONS if section[0] not in hidden],
            cards=make_cards(summary),
            charts=named | single,
            paper_tables=paper_tables,
            findings=[one for one in findings if one["verdict"] != NOT_MEASURED],
            unmeasured=[one for one in findings if one["verdict"] == NOT_MEASURED],
            llm_groups=[
                (dataset, list(rows))
                for dataset, rows in groupby(summary["llm"], lambda row: row["dataset"])
            ],
            tables=make_dataset_tables(summary["results"]),
            gain_tables=make_gain_tables(summary["gains"], summary["means"]),
            calibration_text=describe_calibration(calibration) if calibration else "",
            corpus_facts=list_corpus_facts(corpus) if corpus else [],
            training_facts=list_training_facts(log) if log else [],
            map=shown_map,
        )
    )


def _show_map(concept_map: ConceptMap) -> dict[str, Any]:
    """What the template needs of the map; no scripts without the library."""
    n, data = pack(concept_map)
    scripts = []
    if has_library():
        scripts = [*read_library(), read_template("concept_map.js")]
    return {
        "n": n if scripts else 0,
        "n_concepts": concept_map["n_concepts"],
        "min_count": concept_map["min_count"],
        "method": concept_map["method"].upper(),
        "breadth": concept_map["breadth"],
        "data": data,
        "scripts": [Markup(script) for script in scripts],
        "top": list_top_concepts(concept_map),
        "coverage": list_coverage(concept_map, n if scripts else 0),
    }


def _mark(value: Any) -> Any:
    """Every text of the page passes here before it is escaped; charts have before."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return mark_unseen(value) if is_text else value


def _make_environment() -> Environment:
    environment = Environment(
        loader=DictLoader({name: read_template(name) for name in (TEMPLATE, *PARTS)}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_mark,
    )
    environment.filters |= {
        "points": lambda value, digits=1: (
            "–" if value is None else f"{value:.{digits}f}"
        ),
        "signed": format_signed,
        "setting": say_setting,
        # charts come escaped from svg.py
        "svg": Markup,
        "system": name_system,
        "dataset": name_dataset,
        "count": lambda value: "–" if value is None else f"{value:,}",
        "pretty": lambda value: json.dumps(
            value, indent=1, ensure_ascii=False, default=str
        ),
    }
    return environment
