"""Write all files of a report."""

from pathlib import Path
from typing import Any

from .collect import Inputs
from .markdown import render_markdown
from .page import draw_charts, render_page
from .summary import make_summary, write_summary, write_text
from .svg import make_standalone


def write_report(inputs: Inputs, output: Path) -> dict[str, Any]:
    """Write `index.html`, `summary.json`, `summary.md` and `figures/*.svg`.

    inputs (Inputs): as `read_inputs` gives them.
    output (Path): the folder; figures of an earlier report are removed.
    RETURNS (dict[str, Any]): the content of `summary.json`.
    """
    summary = make_summary(inputs)
    charts = draw_charts(summary, inputs)
    page, markdown = render_page(summary, charts), render_markdown(summary)
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
