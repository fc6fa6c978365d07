"""Read the texts and entities of a file, .jsonl or .spacy; each fault has its place."""

import json
import pkgutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import spacy
import spacy.lang
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..errors import Errors

Entity = tuple[int, int, str]  # characters of the text, label

DOCBIN: Final = ".spacy"
JSONL: Final = ".jsonl"
ALLOWED: Final = ".spacy (DocBin), .jsonl, a data set's folder, .npz of a cell"
N_SHOWN: Final = 80  # characters of what was got


class Record(NamedTuple):
    """A text with entities."""

    text: str
    entities: list[Entity]
    place: str  # in its file, for messages
    episode: Any = None  # which query set it belongs to, where that is said


def check_path(path: Path, what: str) -> None:
    """Check that a file is there and of a kind that can be read.

    path (Path): The file.
    what (str): What it is to hold, for the message.
    RAISES (ValueError): If it is of another kind.
    RAISES (FileNotFoundError): If it is not there.
    """
    known = path.suffix in {DOCBIN, JSONL, ".npz"}
    if not known and (path.suffix or path.exists()):
        what = f"{what} (documents)"
        raise ValueError(Errors.N520.format(path=path, what=what, allowed=ALLOWED))
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what=what, path=path))


def read_docbin(path: Path) -> list[Doc]:
    """Read the documents of a `.spacy` file.

    path (Path): The file.
    RETURNS (list[Doc]): Its documents.
    RAISES (ValueError): If it is no DocBin, or a damaged one.
    """
    try:
        return list(DocBin().from_disk(path).get_docs(Vocab()))
    except OSError:
        raise
    except Exception as error:  # zlib, msgpack, missing keys: whatever a file holds
        problem = shorten(f"{type(error).__name__}, {error}")
        raise ValueError(Errors.N530.format(path=path, problem=problem)) from None


def read_labels(path: Path) -> list[str]:
    """Read the labels of a data set.

    path (Path): Its `meta.json`.
    RETURNS (list[str]): The labels.
    RAISES (ValueError): If the file has none.
    """
    try:
        labels = json.loads(path.read_bytes())["labels"]
    except (ValueError, TypeError, KeyError) as error:
        problem = f"{type(error).__name__}, {error}"
        raise ValueError(Errors.N535.format(path=path, problem=problem)) from None
    if not isinstance(labels, list):
        problem = f'"labels" is {shorten(labels)}'
        raise ValueError(Errors.N535.format(path=path, problem=problem))
    return [str(label) for label in labels]


def read_records(path: Path) -> Iterator[Record]:
    """Read texts and entities.

    path (Path): .jsonl or .spacy, from `check_path`.
    YIELDS (Record): One text after another.
    RAISES (ValueError): With file and line, if something can't be read.
    """
    if path.suffix == JSONL:
        yield from _read_jsonl(path)
        return
    for number, doc in enumerate(read_docbin(path), start=1):
        ents = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        yield Record(doc.text, ents, f"document {number}")


def _read_jsonl(path: Path) -> Iterator[Record]:
    # Bytes: of a text the decoder would not say in which line it stopped
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                # "-sig": what Windows writes before the first line
                text = line.decode("utf-8-sig" if number == 1 else "utf8")
                yield _parse(text, f"line {number}")
            except UnicodeDecodeError as error:
                problem = f"not UTF-8 at byte {error.start + 1}; save it as UTF-8"
                got: Any = line[max(error.start - 20, 0) : error.end + 20]
            except json.JSONDecodeError as error:
                problem = f"no JSON, {error.msg} at character {error.pos + 1}"
                got = text.strip()
            except _Wrong as error:
                problem, got = error.args
            else:
                continue
            at = {"path": path, "number": number, "problem": problem}
            raise ValueError(Errors.N519.format(**at, got=shorten(got)))


class _Wrong(Exception):
    """What is wrong with a record, and what was got."""


def _parse(line: str, place: str) -> Record:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise _Wrong("not a JSON object", record)
    for name, kind, wanted in (("text", str, "a string"), ("spans", list, "a list")):
        if name not in record:
            raise _Wrong(f'"{name}" is missing', f"the keys {', '.join(record)}")
        if not isinstance(record[name], kind):
            raise _Wrong(f'"{name}" is not {wanted}', record[name])
    text = record["text"]
    entities = sorted(_parse_entity(span, text) for span in record["spans"])
    for (_, end, _), (start, *_) in pairwise(entities):
        if start < end:
            problem = f"an entity from {start} on overlaps one that ends at {end}"
            raise _Wrong(problem, record["spans"])
    return Record(text, entities, place, record.get("episode"))


def _parse_entity(span: Any, text: str) -> Entity:
    if not isinstance(span, dict):
        raise _Wrong("an entity is not a JSON object", span)
    for name in ("start", "end", "label"):
        if span.get(name) is None:
            raise _Wrong(f'an entity has no "{name}"', span)
    try:
        start, end = int(span["start"]), int(span["end"])
        is_whole = (start, end) == (float(span["start"]), float(span["end"]))
    except (ValueError, TypeError, OverflowError):
        is_whole = False
    if not is_whole:
        raise _Wrong('"start" or "end" is not a whole number', span)
    if not 0 <= start < end <= len(text):
        size = f"which has {len(text)} characters"
        raise _Wrong(f"entity {start} to {end} is not within the text, {size}", span)
    if not text[start:end].strip():
        raise _Wrong(f"entity {start} to {end} is white space", span)
    return start, end, str(span["label"])


def make_tokenizer(lang: str) -> Language:
    """Make a pipeline that has nothing but a tokenizer.

    lang (str): Code of the language.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): If there is no such language, or a package of it is missing.
    """
    try:
        return spacy.blank(lang)
    except (ImportError, ValueError) as error:
        found = pkgutil.iter_modules(spacy.lang.__path__)
        known = [module.name for module in found if module.ispkg]
        problem = shorten(error) if lang in known else "spaCy has no such language"
        raise ValueError(
            Errors.N532.format(got=lang, problem=problem, allowed=", ".join(known))
        ) from None


def shorten(value: object) -> str:
    """RETURNS (str): What was got, on one line, its end left out if it is long."""
    text = value if isinstance(value, str) else repr(value)
    line = " ".join(text.split())
    return line if len(line) <= N_SHOWN else f"{line[:N_SHOWN]}…"
