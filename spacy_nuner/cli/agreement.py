"""`spacy-nuner agreement`: two annotations of the same texts -> how far they agree."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spacy_nuner.annotate.agreement import Annotated

N_CONCEPTS = 15


def agreement(
    one: Path = typer.Argument(
        help="A journal of replies, the folder of a concept corpus, or verdicts that a "
        "check sheet saved (.json)."
    ),
    other: Path = typer.Argument(help="Another one of the same texts."),
    model_one: str | None = typer.Option(
        None, help="Only the replies of this model, of a journal with several."
    ),
    model_other: str | None = typer.Option(None, help="The same for the second."),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Write everything as JSON too, all concepts."
    ),
    seed: int = typer.Option(0, help="Seed of the bootstrap over sentences."),
    show: int = typer.Option(N_CONCEPTS, min=0, help="Concepts shown."),
) -> None:
    """Say how far two models, or two persons, annotated the same texts alike.

    Journals and corpora: F1 of mentions, with 95 % intervals by resampling sentences:
    the same span, the same span and concept (as written; lower-case and singular), and
    spans that overlap. Verdicts: the share that agrees, and Cohen's kappa.
    """
    from spacy_nuner.annotate.agreement import compare_annotations
    from spacy_nuner.cli.show import msg
    from spacy_nuner.report.summary import write_text

    are_verdicts = one.suffix == ".json" and other.suffix == ".json"
    try:
        if are_verdicts:
            result = _compare_verdicts(one, other)
        else:
            result = compare_annotations(
                _read(one, model_one), _read(other, model_other), seed=seed
            )
        if output is not None:
            write_text(output, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    if are_verdicts:
        _say_verdicts(result)
    else:
        _say_mentions(result, show)


def _read(path: Path, model: str | None) -> "Annotated":
    """Read the mentions of a journal or of a corpus, by text."""
    mentions: dict[str, set[tuple[int, int, str]]] = defaultdict(set)
    for text, start, end, concept in _read_mentions(path, model):
        found = mentions[text]
        if concept:
            found.add((start, end, concept))
    return {text: frozenset(spans) for text, spans in mentions.items()}


def _read_mentions(
    path: Path, model: str | None
) -> Iterator[tuple[str, int, int, str]]:
    """YIELDS (tuple[str, int, int, str]): A mention; no concept: the text has none."""
    if path.is_dir() or path.suffix == ".spacy":
        from spacy_nuner.corpus.mentions import read_marked

        for _, text, mentions in read_marked(path):
            for start, end, concept, _ in mentions:
                yield text, start, end, concept
        return
    from spacy_nuner.annotate.replies.align import place_reply
    from spacy_nuner.corpus.sources import read_replies

    for reply in read_replies(path):
        if model not in (None, reply.model):
            continue
        yield reply.text, 0, 0, ""
        for mention in place_reply(reply.text, reply.response)[0]:
            yield reply.text, mention.start, mention.end, mention.concept


def _compare_verdicts(one: Path, other: Path) -> dict[str, Any]:
    from spacy_nuner.annotate.agreement import compare_verdicts
    from spacy_nuner.report.verdicts import read_verdicts

    sides = (
        {judged[:4]: judged.verdict for judged in read_verdicts(path) if judged.verdict}
        for path in (one, other)
    )
    return compare_verdicts(*sides)


def _say_mentions(result: dict[str, Any], n_shown: int) -> None:
    from spacy_nuner.cli.show import msg

    msg.info(
        f"{result['n_texts']:,} texts in both, {result['n_only_one']:,} only in the "
        f"first, {result['n_only_other']:,} only in the second"
    )
    rows = [
        (name, *_cells(row), f"{_percent(row['low'])} to {_percent(row['high'])}")
        for name, row in result["measures"].items()
    ]
    header = ("counted as the same", "agreed", "first", "second", "F1", "95 %")
    msg.table(rows, header=header, divider=True, aligns=("l", *"rrrrr"))
    if concepts := result["concepts"][:n_shown]:
        rows = [(row["concept"], *_cells(row)) for row in concepts]
        header = ("concept (normalized)", "agreed", "first", "second", "F1")
        msg.table(rows, header=header, divider=True, aligns=("l", *"rrrr"))


def _say_verdicts(result: dict[str, Any]) -> None:
    from spacy_nuner.cli.show import msg

    rows = [(row["one"], row["other"], row["n"]) for row in result["table"]]
    header = ("first", "second", "annotations")
    msg.table(rows, header=header, divider=True, aligns=("l", "l", "r"))
    kappa = result["kappa"]
    text = (
        "not defined (all verdicts are the same)" if kappa is None else f"{kappa:.2f}"
    )
    msg.good(
        f"{_percent(result['agreed'])} % of {result['n']:,} verdicts agree; "
        f"Cohen's kappa: {text}"
    )


def _cells(row: dict[str, Any]) -> tuple[int, int, int, str]:
    return row["agreed"], row["one"], row["other"], _percent(row["f1"])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
