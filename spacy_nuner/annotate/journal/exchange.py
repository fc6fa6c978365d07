"""Journal <-> JSONL: the format of recorded replies, which every version reads."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.journal.records import number_records
from spacy_nuner.annotate.journal.schema import Record
from spacy_nuner.annotate.journal.store import Journal, read_journal
from spacy_nuner.errors import Errors

_REQUIRED: Final = ("key", "model", "prompt_sha256", "id", "text", "response")
_HASHES: Final = ("key", "prompt_sha256", "follows")
_HASH: Final = re.compile("[0-9a-f]{64}")
_COUNTS: Final = {
    "number": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "n_tries": 1,
    "turn": 1,
}
_SECONDS: Final = "seconds"


class Imported(NamedTuple):
    """What an import did, in records."""

    n_read: int
    n_new: int  # the others were there already


def export_replies(journal: Path, output: Path) -> int:
    """Write the replies of a journal as JSONL, in the order of the texts.

    Failed texts are left out: the format is one of replies.

    journal (Path): The journal; it may be written to meanwhile.
    output (Path): The file; put in place once it is whole.
    RETURNS (int): How many replies.
    RAISES (ValueError): If it is not a journal, or damaged.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f"{output.name}.tmp")
    n_replies = 0
    with beside.open("w", encoding="utf8", newline="\n") as file:
        for record in read_journal(journal):
            if record.response is not None:
                file.write(json.dumps(_to_json(record), ensure_ascii=False) + "\n")
                n_replies += 1
    beside.replace(output)
    return n_replies


def import_replies(path: Path, journal: Journal) -> Imported:
    """Take the replies of a JSONL file into a journal: all of them or none.

    Those that are there already stay as they are, so doing it twice does no harm.

    path (Path): What `export_replies` wrote, or a journal of an earlier version.
    journal (Journal): The journal.
    RETURNS (Imported): How many were read, and how many were new.
    RAISES (ValueError): If a record is none of a journal, naming file and line.
    """
    n_read = 0

    def read() -> Iterator[Record]:
        nonlocal n_read
        for number, record in number_records(path, required=_REQUIRED):
            yield _to_record(record, path=path, line=number, place=n_read)
            n_read += 1

    n_new = journal.put_all(read())
    return Imported(n_read, n_new)


def _to_json(record: Record) -> dict[str, Any]:
    """All fields but the empty ones, those of an earlier version first."""
    fields = record._asdict()
    del fields["error"]
    if record.follows is None:
        del fields["follows"]
    return {name: fields[name] for name in (*_REQUIRED, *fields)}


def _to_record(fields: dict[str, Any], *, path: Path, line: int, place: int) -> Record:
    """Check a record of a file. Without a number it has its place in the file."""
    counts = {name: fields.get(name, n) for name, n in _COUNTS.items()}
    if "number" not in fields:
        counts["number"] = place
    problems = [
        f"{name} is no SHA-256"
        for name in _HASHES
        if fields.get(name) is not None and not _HASH.fullmatch(str(fields[name]))
    ]
    problems += [
        f"{name} is no number from 0"
        for name, value in counts.items()
        if isinstance(value, bool) or not isinstance(value, int) or value < 0
    ]
    seconds = fields.get(_SECONDS, 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        problems.append(f"{_SECONDS} is no number")
    try:
        "".join(fields[name] for name in ("text", "model")).encode("utf8")
    except UnicodeEncodeError:
        problems.append("text or model has half a surrogate pair")
    if problems:
        raise ValueError(
            Errors.N003.format(
                path=path,
                line=line,
                problem="; ".join(problems),
                got=str(fields)[:120],
                expected="a record of 'spacy-nuner journal export'",
            )
        )
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Record(
        **{name: fields[name] for name in _REQUIRED},
        **counts,
        seconds=float(seconds),
        time=str(fields.get("time") or now),
        follows=fields.get("follows"),
    )
