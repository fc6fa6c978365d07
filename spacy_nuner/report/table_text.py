"""The paper's tables beside ours as rows of text, and as Markdown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ..plain import escape_md
from .findings import NOT_MEASURED
from .markdown import format_stat, make_table
from .names import format_points, format_signed, name_dataset
from .reproduce import say_setting
from .rows import Row

HEADER: Final = ("column", "paper", "ours (95 %)", "difference", "sets")


def make_lines(table: dict[str, Any]) -> list[tuple[str, ...]]:
    """Make the rows of a table for the terminal.

    table (dict[str, Any]): from `make_tables`.
    RETURNS (list[tuple[str, ...]]): setting, then as `HEADER`.
    """
    return [
        (say_setting(table, row["setting"]), row["column"], *_format_row(row))
        for row in table["rows"]
    ]


def _format_row(row: Row) -> tuple[str, str, str, str]:
    paper = format_points(row["paper"], 2) if row["paper"] is not None else "–"
    if row["paper_spread"] is not None:
        paper += f" ± {format_points(row['paper_spread'], 2)}"
    difference = row["difference"]
    return (
        paper,
        format_stat(row["ours"]),
        "–" if difference is None else format_signed(difference),
        "–" if row["sets"] is None else str(row["sets"]),
    )


def list_scales(table: dict[str, Any]) -> list[str]:
    """Say at what scale the figures of ours were made, each once.

    table (dict[str, Any]): from `make_tables`.
    RETURNS (list[str]): column, encoder and sentences, data sets, notes.
    """
    lines: dict[tuple[str, ...], dict[str, list[str]]] = {}
    n_places: Counter[str] = Counter()
    for row in table["rows"]:
        if not row["ours"]:
            continue
        sets = ", ".join(name_dataset(name) for name in row["datasets"])
        # Each row of these tables is a data set, or all of them
        sets = "" if table["rows_are"] == "data set" else sets
        key = row["our_scale"], sets, row["note"]
        columns = lines.setdefault(key, {})
        n_places[row["column"]] += row["column"] not in columns
        setting = say_setting(table, row["setting"])
        columns.setdefault(row["column"], []).append(setting)
    texts = []
    for key, columns in lines.items():
        names = [
            # A column of several sources says which row is of which
            f"{name} ({table['rows_are']}: {', '.join(settings)})"
            if n_places[name] > 1
            else name
            for name, settings in columns.items()
        ]
        texts.append(f"{', '.join(names)}: " + "; ".join(part for part in key if part))
    return texts


def title_of(table: dict[str, Any]) -> str:
    """RETURNS (str): Number and title."""
    number = table["number"]
    return f"Table {number}: {table['title']}" if number.isdigit() else table["title"]


def render_tables(
    tables: Iterable[dict[str, Any]], findings: Sequence[dict[str, Any]]
) -> str:
    """Write all tables and findings as Markdown.

    tables (Iterable[dict[str, Any]]): from `make_tables`.
    findings (Sequence[dict[str, Any]]): from `make_findings`.
    RETURNS (str): Markdown.
    """
    parts = ["# The paper's tables, and ours\n"]
    parts.append("In points. Intervals of single figures: Student's t over sets.\n")
    if findings:
        parts += ["## Findings\n", _render_findings(findings)]
    for table in tables:
        parts.append(f"## {escape_md(title_of(table))}\n")
        if table["data"]:
            parts.append(
                f"Paper: {table['metric']}, {table['data']}; {table['scale']}.\n"
            )
        lines = [[escape_md(cell) for cell in line] for line in make_lines(table)]
        parts.append(make_table((table["rows_are"], *HEADER), lines))
        scales = "".join(f"- {escape_md(line)}\n" for line in list_scales(table))
        parts.append(scales or f"None of ours yet: `{table['how']}`\n")
    return "\n".join(parts)


def say_verdict(finding: dict[str, Any]) -> str:
    """RETURNS (str): The verdict, and whether it is about the paper's own systems."""
    is_other = finding["notes"] and finding["differences"]
    return finding["verdict"] + (", with a stand-in" if is_other else "")


def _render_findings(findings: Sequence[dict[str, Any]]) -> str:
    rows = []
    for finding in findings:
        words = finding["words"]
        if finding["notes"]:
            words += f" ({'; '.join(finding['notes'])})"
        cells = finding["claim"], finding["table"], say_verdict(finding), words
        if finding["verdict"] == NOT_MEASURED:
            cells = *cells[:3], ""
        rows.append([escape_md(cell) for cell in cells])
    return make_table(("finding of the paper", "table", "here", "figures"), rows)
