"""`spacy-nuner debug`: what is wrong with annotated sentences, before training."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from spacy_nuner.corpus.checks import Finding, Part

SHOWN = 5


def debug(
    data: list[Path] = typer.Argument(
        help="Annotated sentences: JSON lines (of this project, spaCy, Prodigy or "
        "doccano), a JSON export of Label Studio, columns (CoNLL) or .spacy. Each file "
        "says itself what it is."
    ),
    test: list[Path] = typer.Option(
        [], help="Test data: checked too, and against the training data."
    ),
    encoder: Path | None = typer.Option(
        None, help="Encoder folder: says which texts are longer than its window."
    ),
    lang: str = typer.Option("en", help="Language, for the tokeniser."),
    format: str | None = typer.Option(
        None,
        help="jsonl, label-studio, columns or docbin, whatever the files look like.",
    ),
    show: int = typer.Option(SHOWN, min=1, help="Cases shown of each kind."),
) -> None:
    """Say what is wrong with annotated sentences before a model learns it.

    Errors lose annotation or make scores untrue: lines that can't be read, spans that
    cut a word or overlap, no entity at all, test sentences that are trained on. They
    give the exit code 1.

    Warnings cost accuracy: rare labels, labels that differ only in case, the same text
    annotated twice or in two ways, an entity that is not marked elsewhere.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.checks import check

    try:
        train = read_part(data, lang, format, collect=True)
        other = read_part(test, lang, format, collect=True) if test else None
        is_long = None if encoder is None else make_length_check(encoder)
        findings = check(train, other, is_long=is_long)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    for name, part in (("Training data", train), ("Test data", other)):
        if part is not None:
            _say_counts(name, part)
    for finding in findings:
        say_finding(finding, show)
    n_errors = sum(finding.level == "error" for finding in findings)
    if n_errors:
        msg.fail(f"{n_errors} kinds of errors: correct these first", exits=1)
    msg.good("No errors: go on with 'spacy-nuner fewshot'")


def read_part(
    paths: list[Path], lang: str, format: str | None, *, collect: bool
) -> "Part":
    """Read and tokenise annotated sentences; see `annotations_io.read_annotated`."""
    import spacy

    from spacy_nuner.corpus.align import make_docs
    from spacy_nuner.corpus.annotations_io import read_annotated
    from spacy_nuner.corpus.checks import Part

    reading = read_annotated(paths, format=format, collect=collect)
    return Part(reading, make_docs(spacy.blank(lang), reading.sentences))


def make_length_check(encoder: Path) -> Callable[[str], bool]:
    """Make a function that says whether a text is encoded in several windows."""
    from spacy_nuner.component.encoder.model import build_transformer_model
    from spacy_nuner.hf import load_tokenizer

    tokenizer = load_tokenizer(str(encoder))
    window = build_transformer_model(str(encoder)).attrs["window"]
    longest = min(window, tokenizer.model_max_length - 2)

    def is_long(text: str) -> bool:
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return len(ids) > longest

    return is_long


def say_finding(finding: "Finding", show: int, *, more: str = "--show") -> None:
    """Print a finding and its first cases, and how to see the others."""
    from spacy_nuner.cli.show import msg, say

    names = {"error": "fail", "warning": "warn", "info": "info"}
    getattr(msg, names[finding.level])(f"{finding.title}: {len(finding.cases)}")
    for case in finding.cases[:show]:
        say(f"    {case}")
    if len(finding.cases) > show:
        say(f"    … and {len(finding.cases) - show} more ({more})")


def _say_counts(name: str, part: "Part") -> None:
    from spacy_nuner.cli.show import msg, say
    from spacy_nuner.corpus.checks import count_labels

    docs = part.aligned.docs
    counts = count_labels(docs)
    n_with = sum(bool(doc.ents) for doc in docs)
    msg.divider(name)
    say(
        f"{len(docs)} sentences, {n_with} of them with entities; "
        f"{sum(counts.values())} entities"
    )
    if counts:
        rows = [
            (label, n, sum(any(e.label_ == label for e in d.ents) for d in docs))
            for label, n in counts.items()
        ]
        header = ("label", "entities", "sentences")
        msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
