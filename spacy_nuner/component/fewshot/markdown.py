"""`report.md` of a few-shot pipeline."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...plain import escape_md

# Sentences shown in Markdown and HTML
N_SHOWN = 15


def to_markdown(report: Mapping[str, Any]) -> str:
    """Write the report as Markdown.

    report (Mapping[str, Any]): From `cli.fewshot`, with the parts of `make_report`.
    RETURNS (str): The text.
    """
    parts = [f"# {escape_md(report['name'])}", _describe(report)]
    if "scores" in report:
        parts += ["## Scores", _explain(report), *_list_scores(report["scores"])]
        parts += ["## What is taken for what", *_list_confusions(report["confusion"])]
        parts += ["## Where gold and prediction differ", *_list_mistakes(report)]
        parts += [
            "## Annotations to look at again",
            "Words for which the annotation says what a model that has not seen it "
            "holds for unlikely: its mistakes, or slips of the annotation.",
            *_list_contradictions(report["contradictions"]),
        ]
    parts += ["## Least sure", _explain_unsure(report), *_list_unsure(report["unsure"])]
    if report["findings"]:
        parts += ["## The data", *_list_findings(report["findings"])]
    return "\n\n".join(parts) + "\n"


def _table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = ([c if c == "---" else escape_md(c) for c in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _more(items: Sequence[Any]) -> list[str]:
    rest = len(items) - N_SHOWN
    return [f"{rest} more in `report.json`."] if rest > 0 else []


def _describe(report: Mapping[str, Any]) -> str:
    data = report["data"]
    names = ", ".join(
        f"{label} (“{'”, “'.join(phrases)}”)"
        for label, phrases in report["labels"].items()
    )
    return (
        f"Trained on {data['n_sentences']} sentences with {data['n_entities']} "
        f"entities ({escape_md(data['files'])}) on the encoder "
        f"`{report['encoder']}`. Labels: {escape_md(names)}."
    )


def _explain(report: Mapping[str, Any]) -> str:
    return (
        f"{escape_md(report['evaluated_on'])}. An entity is right if its label and "
        "both ends are. Token macro F1 is the mean over labels of the F1 of their "
        "tokens."
    )


def _list_scores(scores: Mapping[str, Any]) -> list[str]:
    rows: list[Sequence[object]] = [
        (label, row["n"], row["predicted"], *(f"{100 * row[x]:.1f}" for x in "prf"))
        for label, row in scores["labels"].items()
    ]
    total = [sum(row[x] for row in scores["labels"].values()) for x in _COUNTS]
    prf = (f"{100 * scores[key]:.1f}" for key in ("ents_p", "ents_r", "ents_f"))
    rows.append(("all", *total, *prf))
    table = _table(("label", "entities", "predicted", "P", "R", "F1"), rows)
    return [table, f"Token macro F1: {100 * scores['token_macro_f1']:.1f}"]


_COUNTS = ("n", "predicted")


def _list_confusions(confusion: Mapping[str, Mapping[str, int]]) -> list[str]:
    rows = [
        (gold, *(n or "" for n in columns.values()))
        for gold, columns in confusion.items()
    ]
    text = (
        "Rows: the gold; columns: the prediction that covers most of the entity, with "
        "the right borders or not."
    )
    return [text, _table(("", *confusion), rows)]


def _list_mistakes(report: Mapping[str, Any]) -> list[str]:
    mistakes = report["mistakes"]
    rows = [
        (
            m["place"],
            f"{m['gold']} ({m['gold_label']})" if m["gold"] else "",
            f"{m['predicted']} ({m['predicted_label']})" if m["predicted"] else "",
        )
        for m in mistakes[:N_SHOWN]
    ]
    return [_table(("place", "gold", "predicted"), rows), *_more(mistakes)]


def _list_contradictions(items: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            c["place"],
            c["word"],
            f"{c['gold']} {c['p_gold']:.2f}",
            f"{c['predicted']} {c['p_predicted']:.2f}",
            c["text"],
        )
        for c in items[:N_SHOWN]
    ]
    header = ("place", "word", "annotated", "rather", "text")
    return [_table(header, rows), *_more(items)]


def _explain_unsure(report: Mapping[str, Any]) -> str:
    return (
        f"{escape_md(report['unsure_from'])}. Sureness is the mean margin between the "
        "two most likely labels of a sentence's three least sure words; 1 is no doubt. "
        "All of them, with what was found, are in `look_next.jsonl`."
    )


def _list_unsure(items: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            u["place"],
            f"{u['sureness']:.2f}",
            "; ".join(describe_doubt(doubt) for doubt in u["doubts"]),
            u["text"],
        )
        for u in items[:N_SHOWN]
    ]
    return [_table(("place", "sureness", "doubts", "text"), rows)]


def describe_doubt(doubt: Mapping[str, Any]) -> str:
    """RETURNS (str): “Linde”: MACHINE 0.48 or none 0.46."""
    return (
        f"“{doubt['word']}”: {doubt['first']} {doubt['p_first']:.2f} or "
        f"{doubt['second']} {doubt['p_second']:.2f}"
    )


def _list_findings(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [(f["level"], f["title"], f["n"], f["cases"][0]) for f in findings]
    return [_table(("", "what", "cases", "such as"), rows)]
