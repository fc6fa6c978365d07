"""Annotated sentences in JSON: this project's own, spaCy's, Prodigy's, doccano's."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .annotated import Annotated, CharSpan, Problem, bad

# Prodigy and this project; spaCy and doccano with relations; doccano, new and old
SPAN_KEYS = ("spans", "entities", "label", "labels")
STARTS, ENDS = ("start", "start_offset"), ("end", "end_offset")
# What an annotation tool writes also where it found nothing to mark
MARKS = ("answer", "tokens", "_task_hash", "Comments")
NOT_TAKEN = ("reject", "ignore")
EXPECTED = 'an object with "text" and "spans" (or "entities", or "label")'


def iter_json_lines(content: str, path: Path) -> Iterator[tuple[str, Any]]:
    """Read a value per line; blank lines are skipped.

    content (str): The file.
    path (Path): Its path, for errors.
    YIELDS (tuple[str, Any]): Place and value; for a bad line the error as the value.
    """
    # Not splitlines(): JSON may hold U+2028 as it is
    for number, raw in enumerate(content.split("\n"), start=1):
        if not raw.strip():
            continue
        place = f"line {number}"
        try:
            value = json.loads(raw)
        except ValueError as error:
            value = bad(path, place, f"bad JSON ({error})", raw, "a JSON object")
        yield place, value


def read_record(record: Any, path: Path, place: str) -> Annotated | Problem:
    """Read one record of JSON lines, or of an array of the same records.

    record (Any): The record.
    path (Path): The file.
    place (str): Where in it the record stands.
    RETURNS (Annotated | Problem): The sentence; a problem if the annotator refused it.
    RAISES (ValueError): If it is none of the known forms.
    """
    if isinstance(record, list) and len(record) == 2 and isinstance(record[1], Mapping):
        # spaCy 2: [text, {"entities": [...]}]
        record = {**record[1], "text": record[0]}
    if not isinstance(record, Mapping):
        raise bad(path, place, "not a record", record, EXPECTED)
    text = check_text(record.get("text", record.get("data")), path, place, record)
    answer = record.get("answer")
    if answer in NOT_TAKEN:
        detail = f"left out, since its answer is “{answer}”"
        return Problem("refused", path, place, detail)
    found = [key for key in SPAN_KEYS if record.get(key) is not None]
    if not found:
        if any(mark in record for mark in MARKS):
            return Annotated(text, [], path, place)
        raise bad(path, place, "record without annotation", dict(record), EXPECTED)
    value = record[found[0]]
    if not isinstance(value, list):
        expected = "a list of spans, [] where there are none"
        raise bad(path, place, f'"{found[0]}" is no list', value, expected)
    spans = [parse_span(span, text, path, place) for span in value]
    return Annotated(text, spans, path, place)


def check_text(text: Any, path: Path, place: str, record: Any) -> str:
    """RETURNS (str): The text. RAISES (ValueError): If it is none."""
    if not isinstance(text, str):
        raise bad(path, place, "record without text", record, EXPECTED)
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        # JSON may escape half a surrogate pair
        expected = "whole characters"
        raise bad(path, place, "text that is no Unicode", [text], expected) from None
    return text


def parse_span(span: Any, text: str, path: Path, place: str) -> CharSpan:
    """Read a span: `[start, end, label]` or an object with these.

    span (Any): The span.
    text (str): The text that it is in.
    path (Path): The file.
    place (str): The place in it.
    RETURNS (CharSpan): The span, as it is: nothing is moved.
    RAISES (ValueError): If it is none, or not within the text.
    """
    values: list[Any] = []
    if isinstance(span, list | tuple):
        values = list(span[:3])
    elif isinstance(span, Mapping):
        label = span.get("label", span.get("labels"))
        if isinstance(label, list):
            label = label[0] if len(label) == 1 else None
        values = [_get(span, STARTS), _get(span, ENDS), label]
    is_span = (
        len(values) == 3
        and all(isinstance(v, int) and not isinstance(v, bool) for v in values[:2])
        and isinstance(values[2], str)
        and bool(values[2].strip())
    )
    if not is_span:
        expected = '"start", "end" (characters) and "label", or a list of these three'
        raise bad(path, place, "not a span", span, expected)
    start, end, label = values
    if not 0 <= start < end <= len(text):
        expected = f"0 <= start < end <= {len(text)}, the length of the text"
        raise bad(path, place, "span outside of the text", span, expected)
    return CharSpan(start, end, label.strip())


def _get(span: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((span[name] for name in names if name in span), None)
