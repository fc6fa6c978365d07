"""Read published annotations of language models: NuNER's, Pile-NER's, GLiNER's.

They say which strings of a text are of which concept, and not where they stand: each
becomes a line as the language model of `spacy-nuner annotate` writes it, and is placed
by the same rules.
"""

import ast
import csv
import gzip
import io
import json
import re
import warnings
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast, get_args

from ..errors import Errors
from ..types import Drop, Mention
from .annotated import bad
from .sources import get_text, read_jsonl
from .stats import PlacedReply

ImportFormat = Literal["nuner", "pile-ner", "gliner"]
IMPORT_FORMATS: tuple[ImportFormat, ...] = get_args(ImportFormat)

UNREADABLE = "unreadable"  # a cell or an answer that is no list
TEXT = "Text:"
QUESTION = re.compile(r"What describes (.+) in the text\?", re.DOTALL)

# A text and lines "entity <> concept <> description" to mentions and drops
PlaceT = Callable[[str, str], tuple[list[Mention], list[Drop]]]


class Row(NamedTuple):
    """A text with its annotations."""

    id: str  # file and row
    text: str
    lines: list[str]  # "entity <> concept", or with a description behind it
    unreadable: list[str]  # what could not be read as such lines


def import_rows(
    path: str | Path, format: ImportFormat, place: PlaceT, *, limit: int = 0
) -> Iterator[PlacedReply]:
    """Read published annotations and place them.

    path (str | Path): The file, gzipped or not.
    format (ImportFormat): "nuner": CSV or JSON lines with "input" and "output", a list
        in Python's or JSON's notation (`numind/NuNER`). "pile-ner": JSON or JSON lines,
        conversations (`Universal-NER/Pile-NER-type`) or one record for each passage and
        type (SLIMER's arrangement); all that is said of a passage is put together.
        "gliner": JSON or JSON lines with "tokenized_text" and "ner".
    place (PlaceT): Places the lines of a text.
    limit (int): Read at most so many texts; 0: all.
    YIELDS (PlacedReply): Text, mentions and drops. A cell that is no list is a drop.
    RAISES (ValueError): If the file is of another format, or a row has no text, naming
        file and row.
    """
    for row in islice(read_rows(Path(path), format), limit or None):
        yield place_row(row, place)


def place_row(row: Row, place: PlaceT) -> PlacedReply:
    """Place the annotations of a text.

    row (Row): The text with its annotations.
    place (PlaceT): Places the lines of a text.
    RETURNS (PlacedReply): Text, mentions and drops. A cell that is no list is a drop.
    """
    lines = [line for line in (" ".join(raw.split()) for raw in row.lines) if line]
    mentions, drops = place(row.text, "\n".join(lines))
    drops += [
        Drop(n, content, UNREADABLE)
        for n, content in enumerate(row.unreadable, start=len(lines))
    ]
    n_lines = len(lines) + len(row.unreadable)
    return PlacedReply(row.id, row.text, mentions, drops, n_lines)


def read_rows(path: Path, format: ImportFormat) -> Iterator[Row]:
    """Read published annotations as they are.

    path (Path): The file.
    format (ImportFormat): As in `import_rows`.
    YIELDS (Row): Texts with lines.
    RAISES (ValueError): As in `import_rows`.
    """
    if format not in IMPORT_FORMATS:
        allowed = ", ".join(IMPORT_FORMATS)
        raise ValueError(Errors.N240.format(got=format, allowed=allowed))
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="annotations", path=path))
    if path.suffix == ".parquet":
        raise ValueError(Errors.N242.format(path=path))
    if format == "nuner":
        return _read_nuner(path)
    if format == "gliner":
        return _read_gliner(path)
    return _join_passages(_read_pile(path))


def parse_list(cell: Any) -> list[str] | None:
    """Read a list that is written in Python's notation, or in JSON's.

    Nothing is evaluated but literals.

    cell (Any): The cell, or the list itself.
    RETURNS (list[str] | None): Its items; None: it is no list.
    """
    if isinstance(cell, str):
        cell = _evaluate(cell.strip())
    return [str(item) for item in cell] if isinstance(cell, list) else None


def _evaluate(cell: str) -> Any:
    # An odd escape is a warning of Python's, and a list all the same
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in (ast.literal_eval, json.loads):
            try:
                return read(cell)
            # Deep nesting ends in the last two
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                continue
    return None


def _read_nuner(path: Path) -> Iterator[Row]:
    is_csv = ".csv" in path.suffixes
    records = _read_csv(path) if is_csv else read_jsonl(path)
    for line, record in records:
        if "output" not in record or "input" not in record:
            raise ValueError(
                Errors.N241.format(
                    path=path, line=line, got=", ".join(map(str, record))
                )
            )
        text = get_text({"text": record["input"]}, path=path, line=line)
        items = parse_list(record["output"])
        cells = [] if items is not None else [f"line {line}: {record['output']}"]
        yield Row(f"{path.name}:{line}", text, items or [], cells)


def _read_csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the rows of a CSV file, each with the line on which it begins."""
    expected = "CSV in UTF-8 with the columns input and output"
    # No universal newlines: a cell may hold any of them
    with (
        _open(path) as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file,
    ):
        reader = csv.DictReader(file, strict=True)
        line = 1
        try:
            for record in reader:
                # The head has the first line
                line = max(line, 2)
                if None in record:
                    raise csv.Error(f"{len(record[None])} cells too many")
                yield line, record
                line = reader.line_num + 1
        except csv.Error as error:
            raise bad(path, f"line {line}", "bad row", error, expected) from None
        except UnicodeDecodeError as error:
            raise ValueError(Errors.N217.format(path=path, problem=error)) from None


def _read_gliner(path: Path) -> Iterator[Row]:
    for place, record in _read_json(path):
        try:
            words = [str(word) for word in record["tokenized_text"]]
            spans = [(int(s), int(e), str(label)) for s, e, label, *_ in record["ner"]]
        except (KeyError, TypeError, ValueError):
            expected = (
                '"tokenized_text", a list, and "ner", a list of [start, end, type]'
            )
            raise bad(
                path, place, "not a record of GLiNER's", record, expected
            ) from None
        if outside := [s for s in spans if not 0 <= s[0] <= s[1] < len(words)]:
            expected = f"0 <= start <= end < {len(words)}"
            raise bad(path, place, "span outside the text", outside[0], expected)
        lines = [f"{' '.join(words[s : e + 1])} <> {label}" for s, e, label in spans]
        yield Row(_name(path, place), _check(" ".join(words), path, place), lines, [])


def _read_pile(path: Path) -> Iterator[Row]:
    for place, record in _read_json(path):
        if "conversations" in record:
            text, answers = _read_conversation(record["conversations"], path, place)
        elif {"tagName", "input", "output"} <= record.keys():
            text, answers = record["input"], [(record["tagName"], record["output"])]
        else:
            expected = '"conversations", or "tagName", "input" and "output"'
            got = ", ".join(record) or "nothing"
            raise bad(path, place, "not a record of Pile-NER", got, expected)
        lines, unreadable = [], []
        for concept, answer in answers:
            entities = parse_list(answer)
            if entities is None:
                unreadable.append(f"{place}: {concept}: {answer}")
            lines += [f"{entity} <> {concept}" for entity in entities or []]
        yield Row(_name(path, place), _check(text, path, place), lines, unreadable)


def _read_conversation(
    turns: Any, path: Path, place: str
) -> tuple[str, list[tuple[str, Any]]]:
    expected = f'turns {{"from", "value"}}: "{TEXT} …", then questions with answers'
    try:
        values = [str(turn["value"]) for turn in turns]
        if not values[0].startswith(TEXT):
            raise ValueError(values[0])
    except (TypeError, KeyError, IndexError, ValueError):
        raise bad(path, place, "not a conversation", turns, expected) from None
    answers = []
    for question, answer in pairwise(values):
        # The first answer says that the text has been read
        if match := QUESTION.fullmatch(question.strip()):
            answers.append((match[1], answer))
    return values[0].removeprefix(TEXT).removeprefix(" "), answers


def _join_passages(rows: Iterable[Row]) -> Iterator[Row]:
    """Put together what several records say of one passage."""
    joined: dict[str, Row] = {}
    for row in rows:
        known = joined.setdefault(row.text, row)
        if known is not row:
            known.lines.extend(row.lines)
            known.unreadable.extend(row.unreadable)
    return iter(joined.values())


def _read_json(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a JSON list of objects, or JSON lines, each with its place."""
    with _open(path) as file:
        head = file.read(100).removeprefix(BOM_UTF8).lstrip()
    if not head.startswith(b"["):
        for line, record in read_jsonl(path):
            yield f"line {line}", record
        return
    with _open(path) as file:
        try:
            records = json.loads(file.read())
        except ValueError as error:
            expected = "a JSON list of objects, or JSON lines"
            raise bad(
                path, "as a whole", f"bad JSON ({error})", head, expected
            ) from None
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise bad(path, f"record {number}", "not an object", record, "an object")
        yield f"record {number}", record


def _check(text: Any, path: Path, place: str) -> str:
    """Check that a text is one, which `get_text` does with the number of its place."""
    return get_text({"text": text}, path=path, line=int(place.split()[-1]))


def _name(path: Path, place: str) -> str:
    return f"{path.name}:{place.split()[-1]}"


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
