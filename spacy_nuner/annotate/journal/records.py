"""Read records of JSONL files, with file and line in every complaint."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_nuner.errors import Errors


def read_records(path: Path, *, required: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Read a JSONL file; blank lines are skipped.

    path (Path): The file.
    required (tuple[str, ...]): Fields that must be there as strings.
    YIELDS (dict[str, Any]): The records.
    RAISES (FileNotFoundError): If there is no such file.
    RAISES (ValueError): If a line is not a JSON object or lacks a required field.
    """
    for _, record in number_records(path, required=required):
        yield record


def number_records(
    path: Path, *, required: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a JSONL file with the numbers of its lines; blank lines are skipped.

    path (Path): The file.
    required (tuple[str, ...]): Fields that must be there as strings.
    YIELDS (tuple[int, dict[str, Any]]): The line, from 1, and its record.
    RAISES (FileNotFoundError): If there is no such file.
    RAISES (ValueError): If a line is not a JSON object or lacks a required field.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="replies", path=path))
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield (
                    number,
                    parse_record(line, path=path, number=number, required=required),
                )


def parse_record(
    line: bytes, *, path: Path, number: int, required: tuple[str, ...]
) -> dict[str, Any]:
    """Parse one line of a JSONL file and check that the fields are there.

    line (bytes): The line.
    path (Path): Its file, for the message.
    number (int): Its number from 1, for the message.
    required (tuple[str, ...]): Fields that must be there as strings.
    RETURNS (dict[str, Any]): The record.
    RAISES (ValueError): If it is not a JSON object or lacks a required field.
    """
    problem = ""
    try:
        record = json.loads(line)
    except ValueError as error:  # bad JSON and bad UTF-8
        problem = f"this is not JSON ({error})"
    else:
        if not isinstance(record, dict):
            problem = "this is not an object"
        else:
            missing = [
                name for name in required if not isinstance(record.get(name), str)
            ]
            if missing:
                problem = f"the record has no {' and no '.join(missing)}"
    if problem:
        raise ValueError(
            Errors.N003.format(
                path=path,
                line=number,
                problem=problem,
                got=line.decode("utf8", errors="replace").strip()[:80],
                expected=f"an object with the strings {', '.join(required)}",
            )
        )
    return record
