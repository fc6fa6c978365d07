"""The report of a few-shot pipeline: what is in it, and as JSON, Markdown and HTML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import srsly
from spacy.training import Example

from ..display import render
from .confusion import count_confusions, list_mistakes, score
from .markdown import N_SHOWN, to_markdown
from .predict import Prediction
from .unsure import find_contradictions, rank

# Sentences in the JSON
N_LISTED = 200


def make_report(
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    places: Sequence[str],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Say how good predictions are, what is mixed up, and where to look.

    predictions (Sequence[Prediction]): Of sentences that were not trained on.
    examples (Sequence[Example]): The same sentences with their gold.
    places (Sequence[str]): Where they stand.
    labels (Sequence[str]): The labels.
    RETURNS (dict[str, Any]): "scores", "confusion", "mistakes", "contradictions".
    """
    found = find_contradictions(predictions, examples, labels)
    mistakes = list_mistakes(examples)
    return {
        "scores": score(examples, labels),
        "confusion": count_confusions(examples, labels),
        "mistakes": [_place(m, places, examples[m.sentence].text) for m in mistakes],
        "contradictions": [
            _place(c, places, examples[c.sentence].text) for c in found[:N_LISTED]
        ],
    }


def list_unsure(
    predictions: Sequence[Prediction], places: Sequence[str], labels: Sequence[str]
) -> list[dict[str, Any]]:
    """List the sentences that a pipeline is least sure of, with what it found.

    predictions (Sequence[Prediction]): Of any sentences.
    places (Sequence[str]): Where they stand.
    labels (Sequence[str]): The labels.
    RETURNS (list[dict[str, Any]]): Records with "text" and "spans", to be corrected in
        an annotation tool, and "sureness", "doubts" and "place".
    """
    records = []
    for unsure in rank(predictions, labels)[:N_LISTED]:
        doc = predictions[unsure.sentence].doc
        spans = [
            {"start": e.start_char, "end": e.end_char, "label": e.label_}
            for e in doc.ents
        ]
        records.append(
            {
                "text": doc.text,
                "spans": spans,
                "sureness": round(unsure.sureness, 3),
                "doubts": [_round(doubt._asdict()) for doubt in unsure.doubts],
                "place": places[unsure.sentence],
            }
        )
    return records


def _place(item: Any, places: Sequence[str], text: str) -> dict[str, Any]:
    record = _round(item._asdict())
    place = places[record.pop("sentence")]
    return {"place": place, **record, "text": text}


def _round(record: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in record.items()}


def write_report(
    report: Mapping[str, Any], folder: Path, shown: Sequence[Prediction]
) -> None:
    """Write `report.json`, `report.md`, `entities.html` and `look_next.jsonl`.

    report (Mapping[str, Any]): All that is known.
    folder (Path): Folder, made if need be.
    shown (Sequence[Prediction]): Sentences to render, the least sure first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    srsly.write_json(folder / "report.json", dict(report))
    (folder / "report.md").write_text(to_markdown(report), encoding="utf8")
    srsly.write_jsonl(folder / "look_next.jsonl", report["unsure"])
    docs = [prediction.doc for prediction in shown[:N_SHOWN]]
    titles = [f"{u['place']} (sureness {u['sureness']:.2f})" for u in report["unsure"]]
    page = render(docs, titles=titles[: len(docs)], page=True)
    (folder / "entities.html").write_text(page, encoding="utf8")
