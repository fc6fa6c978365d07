"""`summary.md`: the report's tables as Markdown, from the rows of `summary.json`."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ..plain import escape_md
from .names import (
    GROUP_NAMES,
    format_points,
    format_signed,
    name_dataset,
    name_system,
)
from .rows import Row
from .tables import (
    describe_calibration,
    list_corpus_facts,
    make_dataset_tables,
    make_gain_tables,
)

PAPER_COLUMNS: Final = (
    "system",
    "k",
    "ours (95 %)",
    "paper",
    "difference",
    "our gain over base (95 %)",
    "paper's gain",
    "our scale",
    "paper's scale",
)
LLM_COLUMNS: Final = (
    "data set, system",
    "k",
    "token macro F1",
    "entity micro F1",
    "paper: GPT-3.5",
    "paper: GPT-4",
    "test sentences",
)
ZERO_SHOT_COLUMNS: Final = (
    "data set",
    "system",
    "token macro F1",
    "entity micro F1",
    "test sentences",
)


def make_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a Markdown table; the cells have to be safe already.

    headers (Sequence[str]): names of the columns; the first is text, others numbers.
    rows (Iterable[Sequence[str]]): the cells.
    RETURNS (str): the table, with a line break at its end.
    """
    rule = ["---", *["---:"] * (len(headers) - 1)]
    lines = [headers, rule, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def format_stat(stat: Row | None, *, signed: bool = False) -> str:
    """A mean with its 95 % interval."""
    if stat is None:
        return "–"
    form = format_signed if signed else format_points
    mean = form(stat["mean"])
    if stat["low"] is None:
        return mean
    return f"{mean} ({form(stat['low'])} to {form(stat['high'])})"


def make_paper_table(rows: Iterable[Row]) -> str:
    """The paper's Table 3 beside ours, with the scales.

    rows (Iterable[Row]): the summary's "versus_paper".
    RETURNS (str): a Markdown table.
    """
    return make_table(
        PAPER_COLUMNS,
        (
            [
                f"{escape_md(name_system(row['system']))} / {row['paper_system']}",
                escape_md(row["k"]),
                format_stat(row["ours"]),
                format_points(row["paper"]),
                format_signed(row["difference"]),
                format_stat(row["our_gain"], signed=True),
                "–" if row["paper_gain"] is None else format_signed(row["paper_gain"]),
                escape_md(row["our_scale"]),
                row["paper_scale"],
            ]
            for row in rows
        ),
    )


def make_llm_table(rows: Iterable[Row]) -> str:
    """The LLM with the NER v3 prompt beside few-shot systems.

    rows (Iterable[Row]): the summary's "llm".
    RETURNS (str): a Markdown table.
    """
    return make_table(
        LLM_COLUMNS,
        (
            [
                f"{escape_md(name_dataset(row['dataset']))}, "
                f"{escape_md(name_system(row['system']))}",
                escape_md(row["k"]),
                format_points(row["token_macro_f1"]["mean"]),
                format_points(row["entity_micro_f1"]["mean"]),
                *(
                    format_points((row["paper"] or {}).get(name))
                    for name in ("GPT-3.5", "GPT-4")
                ),
                f"{row['n_test_sentences']}{_say_sentences(row)}",
            ]
            for row in rows
        ),
    )


def _say_sentences(row: Row) -> str:
    if row["is_part"]:
        return " (the LLM's sentences)"
    return "" if row["same_sentences"] else " (not the same)"


def make_zero_shot_table(rows: Iterable[Row]) -> str:
    """Labels known by name alone, with and without calibration.

    rows (Iterable[Row]): the summary's "zero_shot".
    RETURNS (str): a Markdown table.
    """
    return make_table(
        ZERO_SHOT_COLUMNS,
        (
            [
                escape_md(name_dataset(row["dataset"])),
                escape_md(name_system(row["system"])),
                format_points(row["token_macro_f1"]["mean"]),
                format_points(row["entity_micro_f1"]["mean"]),
                escape_md(
                    "–" if row["n_test_sentences"] is None else row["n_test_sentences"]
                ),
            ]
            for row in rows
        ),
    )


def make_means_table(means: Iterable[Row], group: str) -> str:
    """Mean F1 over a group of data sets: systems as rows, k as columns.

    means (Iterable[Row]): the summary's "means".
    group (str): one of `rows.GROUPS`.
    RETURNS (str): a Markdown table; empty if there is no row of the group.
    """
    own = [row for row in means if row["group"] == group]
    ks = list(dict.fromkeys(row["k"] for row in own))
    ks = sorted(ks, key=lambda k: int(k) if k.isdigit() else 0)
    systems = list(dict.fromkeys(row["system"] for row in own))
    scores = {(row["system"], row["k"]): row["score"]["mean"] for row in own}
    if not own:
        return ""
    return make_table(
        ["system", *(f"k = {escape_md(k)}" for k in ks)],
        (
            [
                escape_md(name_system(system)),
                *(format_points(scores.get((system, k))) for k in ks),
            ]
            for system in systems
        ),
    )


def render_markdown(summary: dict[str, Any]) -> str:
    """Render `summary.md`.

    summary (dict[str, Any]): as `make_summary` gives it.
    RETURNS (str): the file's content.
    """
    parts = [
        "# Report\n",
        f"Scale: {escape_md(summary['scale']['text'])}. Scores in points (0 to 100); "
        "intervals are 95 % by Student's t over training sets.\n",
    ]
    if summary["missing"]:
        lines = "".join(f"- {escape_md(line)}\n" for line in summary["missing"])
        parts.append(f"Not in this report:\n\n{lines}")
    if summary["versus_paper"]:
        parts.append("## Beside the paper\n")
        parts.append(f"{summary['sources']['few-shot']}.\n")
        parts.append(make_paper_table(summary["versus_paper"]))
    for group, name in GROUP_NAMES.items():
        if table := make_means_table(summary["means"], group):
            parts += [f"## Mean of {name}, token macro F1\n", table]
    parts += _render_grids(summary)
    parts += _render_zero_shot(summary)
    if summary["llm"]:
        parts.append("## The LLM with the NER v3 prompt\n")
        parts.append(make_llm_table(summary["llm"]))
    if summary["unreachable"]:
        parts.append("## Not measured\n")
        parts.append(
            "".join(
                f"- {escape_md(row['experiment'])}, "
                f"{escape_md(name_dataset(row['dataset']))}, "
                f"k = {escape_md(row['k'])}: "
                f"{escape_md(row.get('reason', ''))}\n"
                for row in summary["unreachable"]
            )
        )
    parts += _render_corpus(summary["corpus"])
    if summary["coverage"]:
        parts.append("## Coverage of the labels by the corpus\n")
        parts.append(make_coverage_table(summary["coverage"]))
    return "\n".join(parts)


def make_coverage_table(coverage: Iterable[Row]) -> str:
    """How well the concept corpus covers the labels of each data set.

    coverage (Iterable[Row]): the summary's "coverage".
    RETURNS (str): a Markdown table.
    """
    return make_table(
        ["data set", "labels", "called like a concept", "with near concepts"],
        (
            [
                escape_md(name_dataset(row["name"])),
                str(len(row["labels"])),
                str(row["n_exact"]),
                str(row["n_near"]),
            ]
            for row in coverage
        ),
    )


def _render_grids(summary: dict[str, Any]) -> list[str]:
    parts = []
    for dataset in make_dataset_tables(summary["results"]):
        title = escape_md(name_dataset(dataset["name"]))
        parts.append(f"## {title} ({dataset['note']})\n")
        for table in dataset["tables"]:
            head = [table["title"], *(f"k = {escape_md(k)}" for k in table["ks"])]
            rows = [
                [
                    escape_md(name_system(row["system"])),
                    *(_format_cell(cell) for cell in row["cells"]),
                ]
                for row in table["rows"]
            ]
            parts.append(make_table(head, rows))
    for table in make_gain_tables(summary["gains"], summary["means"]):
        title = escape_md(name_system(table["system"]))
        parts.append(f"## Gain of {title} over the base encoder\n")
        rows = [
            [escape_md(row["name"])]
            + [format_stat(cell, signed=True) for cell in row["cells"]]
            for row in table["rows"]
        ]
        head = ["token macro F1", *(f"k = {escape_md(k)}" for k in table["ks"])]
        parts.append(make_table(head, rows))
    return parts


def _render_zero_shot(summary: dict[str, Any]) -> list[str]:
    parts = []
    if summary["zero_shot"]:
        parts.append("No example was given, the labels are known by their names.\n")
        parts.append(make_zero_shot_table(summary["zero_shot"]))
    if calibration := summary["calibration"]:
        parts.append(f"{describe_calibration(calibration)}\n")
        if calibration["reliability"]:
            parts.append("![Reliability](figures/reliability.svg)\n")
    return ["## Zero-shot\n", *parts] if parts else []


def _format_cell(cell: Row | None) -> str:
    if cell is None:
        return "–"
    spread = "" if cell["sd"] is None else f" ± {format_points(cell['sd'])}"
    return f"{format_points(cell['mean'])}{spread}"


def _render_corpus(corpus: dict[str, Any] | None) -> list[str]:
    if corpus is None:
        return []
    facts = "".join(
        f"- {name}: {escape_md(value)}\n" for name, value in list_corpus_facts(corpus)
    )
    top = ", ".join(f"{escape_md(c)} ({n:,})" for c, n in corpus["top_concepts"])
    return ["## The concept corpus\n", facts, f"Most common concepts: {top}.\n"]
