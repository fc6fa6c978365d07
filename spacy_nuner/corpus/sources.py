"""Read JSONL: texts to annotate, recorded replies, NER data. Plain files only."""

import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import Errors
from .journal import count_rows, is_journal, read_rows

SUFFIXES = (".jsonl", ".jsonl.gz", ".json.gz")
# No record is so long: a damaged file, or a gzip bomb
MAX_LINE = 2**26
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


def read_replies(
    path: str | Path, *, start: int = 0, stop: int | None = None
) -> Iterator[Reply]:
    """Read the journal of replies that `spacy-nuner annotate` writes.

    path (str | Path): the journal: SQLite, or JSONL of `spacy-nuner journal export`.
    start (int): the first reply, from 0; those before are passed by, not parsed.
    stop (int | None): the reply to stop at, such as `count_replies`. None: all.
    YIELDS (Reply): one reply; of a SQLite journal in the order of its texts.
    RAISES (ValueError): on bad JSON or a record that is not of this journal, such as
        the recorded replies to another prompt, naming file and line.
    """
    path = Path(path)
    if is_journal(path):
        for row in read_rows(path, start=start, stop=stop):
            yield Reply(*row)
        return
    for line, record in read_jsonl(path, start=start, stop=stop):
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
        if record.get("follows"):
            raise ValueError(
                Errors.N003.format(
                    path=path,
                    line=line,
                    problem="a reply of a second pass, which belongs to another one",
                    got=record["follows"],
                    expected="a journal, which joins them: run 'spacy-nuner journal "
                    "import' first",
                )
            )
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


def count_replies(path: str | Path) -> int:
    """Count the replies of a journal without parsing them.

    path (str | Path): the journal, SQLite or JSONL.
    RETURNS (int): how many `read_replies` gives.
    RAISES (FileNotFoundError): if there is no such file.
    """
    path = Path(path)
    if is_journal(path):
        return count_rows(path)
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="file", path=path))
    with _open(path) as file:
        return sum(1 for raw in file if raw.strip())


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


def read_jsonl(
    path: str | Path, *, start: int = 0, stop: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of a JSONL file; blank lines are skipped.

    path (str | Path): the file; `.gz` is unpacked on the way.
    start (int): the first object, from 0; those before are not parsed.
    stop (int | None): the object to stop at. None: all.
    YIELDS (tuple[int, dict[str, Any]]): the line, from 1, and its object.
    RAISES (ValueError): on a line that is no JSON object, naming file and line.
    """
    path = Path(path)
    filled = ((line, raw) for line, raw in read_lines(path) if raw.strip())
    for line, raw in islice(filled, start, stop):
        yield line, parse_record(raw, path=path, line=line)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read the lines of a file in bounded memory.

    Bytes, so that only a newline ends a line: JSON may hold U+2028 as it is.

    path (Path): the file; `.gz` is unpacked on the way.
    YIELDS (tuple[int, bytes]): the line, from 1, and its bytes. Of one that is longer
        than `MAX_LINE` come that many bytes and one, for `check_length`.
    RAISES (ValueError): if a gzipped file is damaged, naming file and line.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="file", path=path))
    line = 0
    with _open(path) as file:
        try:
            while raw := file.readline(MAX_LINE + 1):
                line += 1
                yield line, raw
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(MAX_LINE)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                Errors.N250.format(path=path, line=line + 1, problem=error)
            ) from None


def check_length(raw: bytes, *, path: Path, line: int) -> None:
    """Refuse a line that was not read to its end.

    raw (bytes): a line as `read_lines` gives it.
    path (Path): the file, for the message.
    line (int): the line, from 1, for the message.
    RAISES (ValueError): if it is longer than `MAX_LINE`.
    """
    if len(raw) > MAX_LINE:
        raise ValueError(
            Errors.N003.format(
                path=path,
                line=line,
                problem="line too long",
                got=raw[:40].decode("utf8", errors="replace"),
                expected=f"at most {MAX_LINE:,} bytes",
            )
        )


def parse_record(raw: bytes, *, path: Path, line: int) -> dict[str, Any]:
    """Parse a line of a JSONL file.

    raw (bytes): the line.
    path (Path): the file, for the message.
    line (int): the line, from 1, for the message.
    RETURNS (dict[str, Any]): the object.
    RAISES (ValueError): if it is too long or no JSON object, naming file and line.
    """
    check_length(raw, path=path, line=line)
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:  # bad JSON and bad UTF-8 alike
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
