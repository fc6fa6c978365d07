"""Write all files of a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .charts import Chart, draw_charts
from .collect import Inputs
from .markdown import render_markdown
from .page import render_page
from .rows import Row
from .summary import make_summary, write_summary, write_text
from .svg import make_standalone


def write_report(
    inputs: Inputs,
    output: Path,
    *,
    paper_tables: Sequence[Row] = (),
    findings: Sequence[Row] = (),
    more_charts: Mapping[str, Chart] | None = None,
) -> dict[str, Any]:
    """Write `index.html`, `summary.json`, `summary.md` and `figures/*.svg`.

    inputs (Inputs): as `read_inputs` gives them.
    output (Path): the folder; figures of an earlier report are removed.
    paper_tables (Sequence[Row]): as `make_tables` gives them.
    findings (Sequence[Row]): as `make_findings` gives them.
    more_charts (Mapping[str, Chart] | None): as `draw_ablations` and
        `draw_beside_llm` give them.
    RETURNS (dict[str, Any]): the content of `summary.json`.
    """
    summary = make_summary(inputs)
    charts = draw_charts(summary, inputs) | dict(more_charts or {})
    page = render_page(
        summary,
        charts,
        concept_map=inputs.concept_map,
        paper_tables=paper_tables,
        findings=findings,
    )
    markdown = render_markdown(summary)
    figures = output / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for id, chart in charts.items():
        write_text(figures / f"{id}.svg", make_standalone(chart.svg))
    for path in figures.glob("*.svg"):
        if path.stem not in charts:
            path.unlink()
    write_text(output / "summary.md", markdown)
    write_text(output / "index.html", page)
    write_summary(summary, output / "summary.json")
    return summary
