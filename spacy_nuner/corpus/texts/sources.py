"""Where texts come from: files and folders of several formats, and the hub."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import Errors
from ..sources import check_length, get_text, parse_record, read_lines
from .hub import SCHEME, HubFile, find_hub_files
from .settings import TextSettings

JSON_SUFFIXES = (".jsonl", ".jsonl.gz", ".json.gz", ".json")
PLAIN_SUFFIXES = (".txt", ".txt.gz")
PARQUET_SUFFIXES = (".parquet",)
SUFFIXES = (*JSON_SUFFIXES, *PLAIN_SUFFIXES, *PARQUET_SUFFIXES)
# Characters; a paragraph that never ends is cut there, to keep memory bounded
MAX_PARAGRAPH = 2**24


class Source(NamedTuple):
    """A file to read."""

    name: str  # begins the ids of its documents; the same on every machine
    file: Path | HubFile


class Document(NamedTuple):
    """A text of a source."""

    id: str
    text: str


class BadDocument(NamedTuple):
    """What stands where a document should be."""

    problem: str  # names file and line


def find_sources(given: Sequence[str]) -> list[Source]:
    """Find the files to read.

    given (Sequence[str]): files, folders whose files are read in order of name, and
        addresses of the hub (`hub.py`).
    RETURNS (list[Source]): each file once, in order.
    RAISES (ValueError): if there is nothing to read, or it cannot be told how.
    """
    files: dict[Path | HubFile, None] = {}
    for source in given:
        if source.startswith(SCHEME):
            found: Sequence[Path | HubFile] = find_hub_files(source)
        else:
            found = _list_files(Path(source))
        for file in found:
            if not _get_path(file).name.endswith(SUFFIXES):
                raise _refuse(source, "nobody knows how to read such a file")
        files |= dict.fromkeys(found)
    if not files:
        raise _refuse("", "no source is given")
    return [Source(*pair) for pair in zip(_name(list(files)), files, strict=True)]


def _list_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(Errors.N001.format(what="texts", path=path))
    found = sorted(file for file in path.iterdir() if file.name.endswith(SUFFIXES))
    if not found:
        raise _refuse(str(path), "there is no file with texts in this folder")
    return found


def _name(files: list[Path | HubFile]) -> list[str]:
    """Name files by so many of their last folders that the names differ."""
    parts = [_get_path(file).parts for file in files]
    for n in range(1, max(map(len, parts)) + 1):
        names = ["/".join(some[-n:]) for some in parts]
        if len(set(names)) == len(names):
            return names
    raise _refuse(names[0], "two sources have the same path")


def _get_path(file: Path | HubFile) -> Path:
    return Path(file.path) if isinstance(file, HubFile) else file.resolve()


def _refuse(source: str, problem: str) -> ValueError:
    return ValueError(
        Errors.N251.format(source=source, problem=problem, suffixes=", ".join(SUFFIXES))
    )


def read_documents(
    path: Path, name: str, settings: TextSettings
) -> Iterator[Document | BadDocument]:
    """Read the documents of a file.

    path (Path): the file.
    name (str): begins the ids of documents that have none of their own.
    settings (TextSettings): of fields and paragraphs.
    YIELDS (Document | BadDocument): in order. Nothing is left out, so that a run that
        goes on can pass by what it has read.
    RAISES (ValueError): if the file as a whole cannot be read.
    """
    if path.name.endswith(PARQUET_SUFFIXES):
        return _read_parquet(path, name, settings.field)
    if path.name.endswith(PLAIN_SUFFIXES):
        return _read_plain(path, name, one_line=settings.paragraphs == "line")
    return _read_json(path, name, settings.field)


def _read_json(path: Path, name: str, field: str) -> Iterator[Document | BadDocument]:
    for line, raw in read_lines(path):
        if not raw.strip():
            continue
        try:
            record = parse_record(raw, path=path, line=line)
            text = get_text(record | {"text": record.get(field)}, path=path, line=line)
        except ValueError as error:
            yield BadDocument(str(error))
        else:
            yield Document(_name_document(record.get("id"), name, line), text)


def _name_document(own: object, name: str, place: int) -> str:
    if own is None:
        return f"{name}:{place}"
    # half a surrogate pair, which JSON may escape, is in no encoding
    return str(own).encode("utf8", errors="replace").decode("utf8")


def _read_plain(
    path: Path, name: str, *, one_line: bool
) -> Iterator[Document | BadDocument]:
    first, size = 0, 0
    lines: list[str] = []
    for line, raw in read_lines(path):
        try:
            check_length(raw, path=path, line=line)
            text = raw.decode("utf8").strip()
        except UnicodeDecodeError as error:
            problem = f"{path}, line {line}: {error}"
            yield BadDocument(Errors.N217.format(path=path, problem=problem))
            continue
        except ValueError as error:
            yield BadDocument(str(error))
            continue
        if text:
            first = first or line
            lines.append(text)
            size += len(text)
        if lines and (one_line or not text or size > MAX_PARAGRAPH):
            # the lines of a paragraph are broken for the eye
            yield Document(f"{name}:{first}", " ".join(lines))
            lines, first, size = [], 0, 0
    if lines:
        yield Document(f"{name}:{first}", " ".join(lines))


def _read_parquet(
    path: Path, name: str, field: str
) -> Iterator[Document | BadDocument]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        message = Errors.N253.format(package="pyarrow", what="Parquet", instead="")
        raise ImportError(message) from None
    row = 0
    try:
        with ParquetFile(path) as file:
            columns = [c for c in (field, "id") if c in file.schema_arrow.names]
            if field not in columns:
                names = ", ".join(file.schema_arrow.names)
                problem = f"it has the columns {names}"
                message = Errors.N259.format(path=path, field=field, problem=problem)
                raise ValueError(message)
            for batch in file.iter_batches(batch_size=256, columns=columns):
                for record in batch.to_pylist():
                    row += 1
                    try:
                        text = get_text({"text": record[field]}, path=path, line=row)
                    except ValueError as error:
                        yield BadDocument(str(error))
                    else:
                        yield Document(
                            _name_document(record.get("id"), name, row), text
                        )
    except (ArrowException, OSError) as error:
        message = Errors.N259.format(path=path, field=field, problem=error)
        raise ValueError(message) from None
