"""`spacy-nuner check-result`: verdicts of a person -> the share that is sensible."""

import json
from pathlib import Path
from typing import Any

import typer


def check_result(
    verdicts: Path = typer.Argument(help="The file that the check sheet saved."),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Write the result as JSON too."
    ),
) -> None:
    """Say how many annotations are sensible, with a 95 % interval (Wilson).

    The paper's authors estimate more than 95 % of 100 (Section 3.1). For two persons
    who checked the same sheet see 'spacy-nuner agreement'.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.report.summary import write_text
    from spacy_nuner.report.verdicts import read_verdicts, summarize

    try:
        result = summarize(read_verdicts(verdicts))
        if output is not None:
            write_text(output, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    n_open = result["n"] - result["n_checked"]
    if n_open:
        msg.warn(f"{n_open:,} of {result['n']:,} annotations are not checked")
    if result["wrong"]:
        rows = [(one["mention"], one["concept"]) for one in result["wrong"]]
        msg.table(rows, header=("not sensible", "concept"), divider=True)
    if result["sensible"] is None:
        msg.fail("No annotation was judged: there is no share", exits=1)
    msg.info(
        f"{result['n_yes']} sensible, {result['n_no']} not, "
        f"{result['n_unsure']} could not be told"
    )
    msg.good(f"Sensible: {_format(result['sensible'])}")
    if result["n_unsure"]:
        cautious = _format(result["sensible_at_least"])
        msg.info(f"With those that could not be told as not sensible: {cautious}")


def _format(interval: dict[str, Any]) -> str:
    share, low, high = (100 * interval[key] for key in ("share", "low", "high"))
    return f"{share:.1f} % (95 % interval {low:.1f} to {high:.1f})"
