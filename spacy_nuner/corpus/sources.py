"""Read JSONL: texts to annotate, recorded replies, NER data. Plain files only."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import Errors

SUFFIXES = (".jsonl", ".jsonl.gz", ".json.gz")
JOURNAL_FIELDS = ("key", "model", "prompt_sha256", "id", "text", "response")


class Text(NamedTuple):
    """A text to annotate."""

    id: str
    text: str


class Reply(NamedTuple):
    """A text and the LLM's whole reply to it, as the journal holds them."""

    id: str
    text: str
    response: str
    model: str
    prompt_sha256: str


def read_texts(path: str | Path, *, limit: int = 0) -> Iterator[Text]:
    """Read texts from JSONL files, gzipped or not (as C4's shards are).

    A record without "id" gets the name of its file and its line as one, so the same
    file always gives the same ids.

    path (str | Path): a file, or a folder whose files are read in order of name.
    limit (int): read at most so many texts; 0 means all.
    YIELDS (Text): id and text.
    RAISES (ValueError): on bad JSON or a record without text, naming file and line.
    """
    n_read = 0
    for file in _list_files(Path(path)):
        for line, record in read_jsonl(file):
            if limit and n_read >= limit:
                return
            text = get_text(record, path=file, line=line)
            yield Text(str(record.get("id", f"{file.name}:{line}")), text)
            n_read += 1


def read_replies(path: str | Path) -> Iterator[Reply]:
    """Read the journal of replies that `spacy-nuner annotate` writes.

    path (str | Path): the journal, JSONL.
    YIELDS (Reply): one record of the journal.
    RAISES (ValueError): on bad JSON or a record that is not of this journal, such as
        the recorded replies to another prompt, naming file and line.
    """
    path = Path(path)
    for line, record in read_jsonl(path):
        missing = [name for name in JOURNAL_FIELDS if name not in record]
        if missing:
            raise ValueError(
                Errors.N202.format(
                    path=path,
                    line=line,
                    missing=", ".join(missing),
                    got=", ".join(record) or "nothing",
                )
            )
        text = get_text(record, path=path, line=line)
        if not isinstance(record["response"], str):
            raise ValueError(
                Errors.N003.format(
                    path=path,
                    line=line,
                    problem='"response" is no string',
                    got=record["response"],
                    expected="the LLM's reply as it came",
                )
            )
        yield Reply(
            str(record["id"]),
            text,
            # half a surrogate pair, cut off by a model, is no text
            record["response"].encode("utf8", errors="replace").decode("utf8"),
            str(record["model"]),
            str(record["prompt_sha256"]),
        )


def get_text(record: dict[str, Any], *, path: Path, line: int) -> str:
    """Get the text of a record, or say where the record without text stands.

    record (dict[str, Any]): a record of a JSONL file.
    path (Path): the file, for the message.
    line (int): the line, from 1, for the message.
    RETURNS (str): the text, never blank.
    RAISES (ValueError): if there is none.
    """
    text = record.get("text")
    if not isinstance(text, str) or not text.strip() or not _is_unicode(text):
        raise ValueError(
            Errors.N003.format(
                path=path,
                line=line,
                problem="record without text",
                got=str(record)[:120],
                expected='an object with a non-empty string "text"',
            )
        )
    return text


def _is_unicode(text: str) -> bool:
    """JSON may escape half a surrogate pair, which no encoding can hold."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        return False
    return True


def read_jsonl(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of a JSONL file; blank lines are skipped.

    path (str | Path): the file; `.gz` is unpacked on the way.
    YIELDS (tuple[int, dict[str, Any]]): the line, from 1, and its object.
    RAISES (ValueError): on a line that is no JSON object, naming file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="file", path=path))
    with _open(path) as file:
        for line, raw in enumerate(file, start=1):
            if raw.strip():
                yield line, _parse(raw, path=path, line=line)


def _parse(raw: bytes, *, path: Path, line: int) -> dict[str, Any]:
    try:
        record = json.loads(raw)
    except ValueError as error:  # bad JSON and bad UTF-8 alike
        problem = f"bad JSON ({error})"
    else:
        if isinstance(record, dict):
            return record
        problem = "not an object"
    raise ValueError(
        Errors.N003.format(
            path=path,
            line=line,
            problem=problem,
            got=raw[:80].decode("utf8", errors="replace").rstrip("\r\n"),
            expected="one JSON object per line, in UTF-8",
        )
    )


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    # bytes, so that only "\n" ends a line: JSON may hold U+2028 as it is
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _list_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.name.endswith(SUFFIXES))
    if not files:
        raise FileNotFoundError(
            Errors.N203.format(path=path, suffixes=", ".join(SUFFIXES))
        )
    return files
