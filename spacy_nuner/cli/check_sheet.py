"""`spacy-nuner check-sheet`: concept corpus -> a page to check a sample of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from spacy_nuner.report.check_sheet import Check


def check_sheet(
    corpus: Path = typer.Argument(
        help="Folder of a concept corpus, such as corpus/concepts."
    ),
    output: Path = typer.Option(
        Path("check-sheet.html"), "--output", "-o", help="The page: one HTML file."
    ),
    n: int = typer.Option(
        100, min=1, help="Annotations to check; the paper's authors checked 100."
    ),
    seed: int = typer.Option(
        0, help="Decides which; the same seed draws the same ones of a corpus."
    ),
) -> None:
    """Draw annotations at random and write a page on which a person checks them.

    Open it in a browser; it needs no network. y: the concept is sensible, n: it's not,
    ?: can't tell, u: undo, arrows: back and forth, s: save the verdicts as a file, for
    'spacy-nuner check-result'.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.report.check_sheet import render_sheet, sample_checks
    from spacy_nuner.report.summary import write_text

    try:
        checks = sample_checks(_read_checks(corpus), n, seed=seed)
        output.parent.mkdir(parents=True, exist_ok=True)
        write_text(output, render_sheet(checks, source=corpus.as_posix(), seed=seed))
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    if len(checks) < n:
        msg.warn(f"The corpus has only {len(checks):,} annotations: all are on it")
    msg.good(f"{len(checks):,} annotations to check: open {output} in a browser")


def _read_checks(corpus: Path) -> "Iterator[Check]":
    from spacy_nuner.corpus.mentions import read_marked
    from spacy_nuner.report.check_sheet import Check

    for id_, text, mentions in read_marked(corpus):
        for start, end, concept, description in mentions:
            yield Check(id_, text, start, end, concept, description)
