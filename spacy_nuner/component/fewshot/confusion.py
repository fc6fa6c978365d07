"""What is taken for what: entities of the gold against those that were predicted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..scorer import score_token_ner

NONE = "none"


class Mistake(NamedTuple):
    """An entity that is missing, false, or of another label or extent."""

    sentence: int  # its index
    gold: str  # text of the entity, "" for none
    gold_label: str  # or NONE
    predicted: str
    predicted_label: str


def score(examples: Sequence[Example], labels: Sequence[str]) -> dict[str, Any]:
    """Score predictions.

    examples (Sequence[Example]): Predicted and gold docs of the same texts.
    labels (Sequence[str]): The labels.
    RETURNS (dict[str, Any]): "labels" with n, predicted, p, r, f; "ents_p", "ents_r",
        "ents_f" (micro, exact borders); "token_macro_f1"; "n_sentences".
    """
    scores = score_token_ner(examples)
    gold = Counter(ent.label_ for eg in examples for ent in eg.reference.ents)
    guessed = Counter(ent.label_ for eg in examples for ent in eg.predicted.ents)
    per_type = scores["ents_per_type"] or {}
    rows = {}
    for label in [*labels, *sorted(set(gold) - set(labels))]:
        found = per_type.get(label, {"p": 0.0, "r": 0.0, "f": 0.0})
        rows[label] = {"n": gold[label], "predicted": guessed[label], **found}
    return {
        "labels": rows,
        **{key: scores[key] or 0.0 for key in ("ents_p", "ents_r", "ents_f")},
        "token_macro_f1": scores["nuner_token_macro_f"] or 0.0,
        "n_sentences": len(examples),
    }


def count_confusions(
    examples: Sequence[Example], labels: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count which label is predicted where another one is right.

    An entity of the gold is compared with the prediction that covers most of it, right
    borders or not; a prediction that touches no entity stands in the row "none".

    examples (Sequence[Example]): Predicted and gold docs of the same texts.
    labels (Sequence[str]): The labels, in the order of the table.
    RETURNS (dict[str, dict[str, int]]): Gold label, or "none": predicted label, or
        "none": count.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for eg in examples:
        for gold, guess in _pair(eg):
            counts[_label(gold), _label(guess)] += 1
    others = {name for pair in counts for name in pair} - {*labels, NONE}
    order = [*labels, *sorted(others), NONE]
    return {row: {column: counts[row, column] for column in order} for row in order}


def list_mistakes(examples: Sequence[Example]) -> list[Mistake]:
    """List where gold and prediction differ.

    examples (Sequence[Example]): Predicted and gold docs of the same texts.
    RETURNS (list[Mistake]): In order of the text.
    """
    return [
        Mistake(i, _text(gold), _label(gold), _text(guess), _label(guess))
        for i, eg in enumerate(examples)
        for gold, guess in _pair(eg)
        if _key(gold) != _key(guess)
    ]


def _pair(eg: Example) -> Iterator[tuple[Span | None, Span | None]]:
    """Pair each entity of the gold with one of the prediction, by characters."""
    guesses = list(eg.predicted.ents)
    touched: set[int] = set()
    for gold in eg.reference.ents:
        shared = [_overlap(gold, guess) for guess in guesses]
        touched |= {i for i, n in enumerate(shared) if n}
        best = max(range(len(guesses)), key=shared.__getitem__, default=-1)
        yield gold, guesses[best] if best >= 0 and shared[best] else None
    for i, guess in enumerate(guesses):
        if i not in touched and _is_annotated(eg.reference, guess):
            yield None, guess


def _overlap(left: Span, right: Span) -> int:
    start = max(left.start_char, right.start_char)
    return max(0, min(left.end_char, right.end_char) - start)


def _is_annotated(reference: Doc, guess: Span) -> bool:
    edges = guess.start_char, guess.end_char
    span = reference.char_span(*edges, alignment_mode="expand")
    return span is not None and all(token.ent_iob for token in span)


def _label(span: Span | None) -> str:
    return NONE if span is None else span.label_


def _text(span: Span | None) -> str:
    return "" if span is None else span.text


def _key(span: Span | None) -> tuple[int, int, str] | None:
    return None if span is None else (span.start_char, span.end_char, span.label_)
