"""Label Studio's JSON export: an array of tasks with their annotations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .annotated import Annotated, CharSpan, Problem, bad
from .json_records import check_text, parse_span

ANNOTATIONS = ("annotations", "completions")  # now; before version 1
EXPECTED = 'a task with "data" and "annotations" (the export "JSON", not "JSON-MIN")'


def is_task(record: Any) -> bool:
    """RETURNS (bool): Whether a record is a task of Label Studio."""
    return (
        isinstance(record, Mapping)
        and isinstance(record.get("data"), Mapping)
        and any(isinstance(record.get(name), list) for name in ANNOTATIONS)
    )


def read_task(
    record: Any, path: Path, place: str
) -> tuple[Annotated | None, list[Problem]]:
    """Read a task. Of several annotations the ground truth counts, or else the first.

    record (Any): The task.
    path (Path): The file.
    place (str): Where in it the task stands.
    RETURNS (tuple[Annotated | None, list[Problem]]): The sentence, None if nobody has
        annotated it; what was left out.
    RAISES (ValueError): If it is no task with plain text.
    """
    if not is_task(record):
        raise bad(path, place, "not a task of Label Studio", record, EXPECTED)
    name = next(n for n in ANNOTATIONS if isinstance(record.get(n), list))
    done = [a for a in record[name] if not a.get("was_cancelled")]
    if not done:
        detail = "left out, since nobody has annotated it (skipped or predicted only)"
        return None, [Problem("refused", path, place, detail)]
    done.sort(key=lambda annotation: not annotation.get("ground_truth"))
    regions = [_list_regions(a, path, place) for a in done]
    text = _find_text(record["data"], regions[0], path, place)
    spans = [_list_spans(found, text, path, place) for found in regions]
    problems = [
        Problem("conflict", path, place, "annotated in another way by someone else")
        for other in spans[1:]
        if set(other) != set(spans[0])
    ]
    return Annotated(text, spans[0], path, place), problems


def _list_regions(annotation: Any, path: Path, place: str) -> list[dict[str, Any]]:
    """RETURNS (list[dict[str, Any]]): Values of the labelled stretches of text."""
    regions = []
    for result in annotation.get("result") or []:
        kind, value = str(result.get("type", "")), result.get("value") or {}
        if not kind.endswith("labels"):
            continue  # relations, choices, comments
        if kind != "labels" or not isinstance(value.get("start"), int):
            expected = 'regions of the tag <Labels> on plain <Text>, type "labels"'
            raise bad(path, place, f'region of type "{kind}"', value, expected)
        regions.append(value)
    return regions


def _find_text(
    data: Mapping[str, Any], regions: list[dict[str, Any]], path: Path, place: str
) -> str:
    """Find the text: the labelling config may give it any name."""
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    chosen = [texts["text"]] if "text" in texts else list(texts.values())
    if len(chosen) > 1:
        chosen = [t for t in chosen if regions and all(_fits(r, t) for r in regions)]
    if len(chosen) != 1:
        raise bad(path, place, "can't tell which is the text", data, 'one named "text"')
    return check_text(chosen[0], path, place, data)


def _fits(region: Mapping[str, Any], text: str) -> bool:
    return text[region["start"] : region["end"]] == region.get("text")


def _list_spans(
    regions: list[dict[str, Any]], text: str, path: Path, place: str
) -> list[CharSpan]:
    spans = []
    for region in regions:
        start, end = region["start"], region.get("end")
        quoted = region.get("text")
        if isinstance(quoted, str) and isinstance(end, int):
            start, end = _move(start, end, text, quoted)
        for label in region.get("labels") or [None]:
            spans.append(parse_span([start, end, label], text, path, place))
    return spans


def _move(start: int, end: int, text: str, quoted: str) -> tuple[int, int]:
    """Characters instead of JavaScript's half pairs, where the quoted text says so.

    In a browser an emoji counts as two, so that all offsets behind it are too large.
    """
    if text[start:end] == quoted:
        return start, end
    units = text.encode("utf-16-le")
    try:
        first = len(units[: 2 * start].decode("utf-16-le"))
        last = len(units[: 2 * end].decode("utf-16-le"))
    except UnicodeDecodeError:
        return start, end
    return (first, last) if text[first:last] == quoted else (start, end)
