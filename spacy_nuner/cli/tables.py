"""`spacy-nuner tables`: the paper's tables with ours beside, and what they show."""

from pathlib import Path
from typing import Any

import typer


def tables(
    numbers: list[str] = typer.Argument(
        None, metavar="[TABLE]...", help="Tables of the paper, 1 to 11. Default: all."
    ),
    metrics: Path = typer.Option(Path("metrics"), help="Folder of the metrics."),
    corpus: Path = typer.Option(
        Path("corpus/concepts/stats.json"), help="Of the main corpus, for the scale."
    ),
    encoder: Path = typer.Option(
        Path("encoders/sample/nuner.json"), help="The main encoder, for the scale."
    ),
    output: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        help="Gets tables.md and tables.json. Default: reports, where all tables are "
        "asked for; else nothing is written.",
    ),
    quiet: bool = typer.Option(False, "--quiet", help="Write the files and no table."),
) -> None:
    """Print each table of the paper: its figure, ours, the difference, the scale.

    Below them, what the paper found is confirmed, contradicted or not shown, by the
    intervals of our differences. A table with no cell of ours says how to make it.
    """
    import json

    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.report.collect import read_inputs
    from spacy_nuner.report.findings import make_findings, read_comparisons
    from spacy_nuner.report.ours import read_ours
    from spacy_nuner.report.paper_tables import TABLES
    from spacy_nuner.report.reproduce import FORMAT, make_tables
    from spacy_nuner.report.summary import make_scale, write_text
    from spacy_nuner.report.table_text import render_tables

    try:
        for number in numbers or ():
            if number not in TABLES:
                allowed = ", ".join(TABLES)
                raise ValueError(Errors.N620.format(got=number, allowed=allowed))
        if not metrics.is_dir():
            what = "the folder of the metrics"
            raise FileNotFoundError(Errors.N001.format(what=what, path=metrics))
        # An empty folder: of the cells only ours are read, once
        inputs = read_inputs(
            metrics / "nothing", corpus=corpus, log=None, encoder=encoder
        )
        ours = read_ours(metrics, scale=make_scale(inputs)["text"])
        if not (ours.scores or ours.episodes):
            raise ValueError(Errors.N621.format(path=metrics))
        made = make_tables(ours, numbers or ())
        findings = make_findings(ours, read_comparisons(metrics))
        wanted = set(numbers or ())
        findings = [f for f in findings if not wanted or f["table"] in wanted]
        # The files hold all tables: those of a few don't take their place unasked
        folder = output or (None if numbers else Path("reports"))
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            content = {"format": FORMAT, "tables": made, "findings": findings}
            text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
            write_text(folder / "tables.json", text)
            write_text(folder / "tables.md", render_tables(made, findings))
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    if not quiet:
        _print(made, findings)
    n_filled = sum(table["is_filled"] for table in made)
    where = f": {folder / 'tables.md'}, {folder / 'tables.json'}" if folder else ""
    msg.good(f"{n_filled} of {len(made)} tables have figures of ours{where}")


def _print(made: list[dict[str, Any]], findings: list[dict[str, Any]]) -> None:
    from spacy_nuner.cli.show import msg, say
    from spacy_nuner.report.table_text import (
        HEADER,
        list_scales,
        make_lines,
        say_verdict,
        title_of,
    )

    for table in made:
        msg.divider(title_of(table))
        if table["data"]:
            say(f"Paper: {table['metric']}, {table['data']}; {table['scale']}")
        header = (table["rows_are"], *HEADER)
        aligns = ("l", "l", "r", "r", "r", "r")
        msg.table(make_lines(table), header=header, divider=True, aligns=aligns)
        for line in list_scales(table):
            say(f"  {line}")
        if not table["is_filled"]:
            msg.warn(f"None of ours yet: {table['how']}")
    if findings:
        msg.divider("Findings")
    for finding in findings:
        say(f"{finding['claim']} (Table {finding['table']}): {say_verdict(finding)}")
        if finding["differences"]:
            say(f"    {finding['words']}")
        for note in finding["notes"]:
            say(f"    {note}")
