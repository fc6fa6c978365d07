"""Read annotated sentences, whatever tool they come from: a file says what it is."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import Errors
from .annotated import Annotated, Problem, Reading, bad, shorten
from .columns import looks_like_columns, read_columns
from .docbins import read_docbin
from .json_records import iter_json_lines, read_record
from .label_studio import is_task, read_task

FORMATS = ("jsonl", "label-studio", "columns", "docbin")
JSON = ("jsonl", "label-studio")
ZLIB = b"\x78"  # what a DocBin begins with


def read_annotated(
    paths: Iterable[Path], *, format: str | None = None, collect: bool = False
) -> Reading:
    """Read files of annotated sentences.

    paths (Iterable[Path]): Files, or folders of DocBins.
    format (str | None): One of `FORMATS`; None: each file says what it is. "jsonl" is a
        record per line, or an array of them, of this project (`spans`), spaCy
        (`entities`), Prodigy or doccano.
    collect (bool): Collect the errors of bad lines instead of raising the first.
    RETURNS (Reading): The sentences in order, and all that was left out.
    RAISES (ValueError): For a bad line or an unknown format; it names file and line.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(Errors.N209.format(got=format, allowed=", ".join(FORMATS)))
    result = Reading([], [], [])
    for path in _list_files(paths):
        try:
            found = _read_file(path, format, collect)
        except ValueError as error:
            if not collect:
                raise
            found = Reading([], [], [str(error)])
        result.sentences.extend(found.sentences)
        result.problems.extend(found.problems)
        result.errors.extend(found.errors)
    return result


def read_plain(path: Path) -> list[str]:
    """Read texts without annotation: JSON lines with "text", or a text per line.

    path (Path): The file.
    RETURNS (list[str]): The texts that are not blank.
    RAISES (ValueError): For a record without text, naming file and line.
    """
    content = _decode(path)
    if not content.lstrip().startswith("{"):
        return [line.strip() for line in content.split("\n") if line.strip()]
    texts = []
    for place, value in iter_json_lines(content, path):
        if isinstance(value, ValueError):
            raise value
        text = value.get("text") if isinstance(value, dict) else None
        if not isinstance(text, str):
            raise bad(path, place, "record without text", value, 'an object, "text"')
        texts.append(text)
    return [text for text in texts if text.strip()]


def _list_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.glob("*.spacy")) if path.is_dir() else [path]
        if not found or not path.exists():
            raise ValueError(Errors.N001.format(what="annotated sentences", path=path))
        yield from found


def _read_file(path: Path, format: str | None, collect: bool) -> Reading:
    if format == "docbin" or (format is None and _is_docbin(path)):
        return read_docbin(path)
    content = _decode(path)
    format = format or _recognise(content, path)
    if format == "columns":
        return read_columns(content, path, collect=collect)
    reading = Reading([], [], [])
    for place, record in _iter_records(content, path):
        try:
            if isinstance(record, ValueError):
                raise record
            found, problems = _read_json(record, format, path, place)
        except ValueError as error:
            if not collect:
                raise
            reading.errors.append(str(error))
            continue
        reading.problems.extend(problems)
        if found is not None:
            reading.sentences.append(found)
    return reading


def _read_json(
    record: Any, format: str, path: Path, place: str
) -> tuple[Annotated | None, list[Problem]]:
    if format == "label-studio":
        return read_task(record, path, place)
    found = read_record(record, path, place)
    return (None, [found]) if isinstance(found, Problem) else (found, [])


def _is_docbin(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".spacy" or file.read(1) == ZLIB


def _decode(path: Path) -> str:
    if not path.is_file():
        raise ValueError(Errors.N001.format(what="file", path=path))
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(Errors.N217.format(path=path, problem=error)) from None


def _recognise(content: str, path: Path) -> str:
    """RETURNS (str): The format. RAISES (ValueError): If it is none of them."""
    begin = content.lstrip()[:1]
    if looks_like_columns(content):
        return "columns"
    if begin in ("{", "["):
        first = next((record for _, record in _iter_records(content, path)), None)
        return "label-studio" if is_task(first) else "jsonl"
    problem = f"it begins “{shorten(content[:200], 40)}”" if begin else "it is empty"
    raise ValueError(
        Errors.N215.format(path=path, problem=problem, formats=", ".join(FORMATS))
    )


def _iter_records(content: str, path: Path) -> Iterator[tuple[str, Any]]:
    """Iterate over the records of JSON lines or of an array, with their places."""
    if content.lstrip().startswith("["):
        try:
            array = json.loads(content)
        except ValueError as error:
            # Lines that are lists, as spaCy 2 had them, are no array; all else is
            if not str(error).startswith("Extra data"):
                problem = f"bad JSON ({error})"
                yield "the array", bad(path, "the array", problem, "[…", "an array")
                return
        else:
            if not _is_one_spacy_2_line(array):
                for number, record in enumerate(array, start=1):
                    yield _name_record(number, record), record
                return
    yield from iter_json_lines(content, path)


def _is_one_spacy_2_line(array: list[Any]) -> bool:
    return len(array) == 2 and isinstance(array[0], str)


def _name_record(number: int, record: Any) -> str:
    known = record.get("id") if isinstance(record, dict) else None
    return f"record {number}" if known is None else f"record {number} (id {known})"
