"""Read NER data as tokenised sentences with labelled spans. No Doc is made here."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import spacy
from spacy.language import Language

from ..errors import Errors
from .sources import get_text, read_jsonl
from .tags import TaggedSpan, spans_from_tags, split_tag

Format = Literal["jsonl", "token-label", "label-token", "index-token-label"]
# The columns of a format that has columns, by name
COLUMNS: dict[Format, tuple[str, ...]] = {
    "token-label": ("token", "label"),
    "label-token": ("label", "token"),
    "index-token-label": ("index", "token", "label"),
}
FORMATS: tuple[Format, ...] = ("jsonl", *COLUMNS)
DOCSTART = "-DOCSTART-"


class Sentence(NamedTuple):
    """A sentence of a NER data set."""

    words: list[str]
    spaces: list[bool]
    spans: list[TaggedSpan]
    line: int  # where it begins in its file, from 1
    n_bad_tags: int = 0  # I, E or L tags that do not continue a span
    n_split_tokens: int = 0  # tokens cut because a span ends inside them


class _Row(NamedTuple):
    line: int
    token: str
    tag: str


def read_sentences(
    path: str | Path, format: Format, *, labels: Sequence[str]
) -> Iterator[Sentence]:
    """Read a file of a NER data set.

    path (str | Path): the file.
    format (Format): "jsonl" (`{"text", "spans": [{"start", "end", "label"}]}`, offsets
        in characters), or columns with a tab between and a blank line between
        sentences: "token-label", "label-token" or "index-token-label" (the token's
        number in its sentence comes first), tags in any scheme of `tags.py`.
    labels (Sequence[str]): the labels that may occur.
    YIELDS (Sentence): sentences in order.
    RAISES (ValueError): on a row or record that cannot be read and on a label that is
        not in `labels`, naming file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="NER data", path=path))
    if format == "jsonl":
        return _read_jsonl_sentences(path, frozenset(labels))
    if format in COLUMNS:
        return _read_column_sentences(path, frozenset(labels), COLUMNS[format])
    raise ValueError(Errors.N209.format(got=format, allowed=", ".join(FORMATS)))


def _fail(
    path: Path, line: int, problem: str, got: object, expected: str
) -> ValueError:
    return ValueError(
        Errors.N003.format(
            path=path, line=line, problem=problem, got=got, expected=expected
        )
    )


def _check_label(label: str, allowed: frozenset[str], path: Path, line: int) -> str:
    if label not in allowed:
        raise _fail(
            path,
            line,
            "label that is not in the label file",
            label,
            f"one of {', '.join(sorted(allowed))}; add it to the label file if it is "
            "right",
        )
    return label


def _read_column_sentences(
    path: Path, labels: frozenset[str], columns: tuple[str, ...]
) -> Iterator[Sentence]:
    rows: list[_Row] = []
    # not splitlines() nor universal newlines: tokens may hold U+0085 and the like
    with path.open(encoding="utf8", newline="\n") as file:
        for line, raw in enumerate(file, start=1):
            if raw.strip():
                row = _parse_row(raw.rstrip("\r\n"), path, line, columns)
                _check_tag(row, labels, path)
                rows.append(row)
            elif rows:
                yield from _make_sentence(rows)
                rows = []
    yield from _make_sentence(rows)


def _parse_row(raw: str, path: Path, line: int, columns: tuple[str, ...]) -> _Row:
    cells = dict(zip(columns, raw.split("\t"), strict=False))
    n_cells = raw.count("\t") + 1
    if n_cells != len(columns) or not all(cell.strip() for cell in cells.values()):
        raise _fail(path, line, "malformed row", raw[:80], ", tab, ".join(columns))
    return _Row(line, cells["token"], cells["label"].strip())


def _check_tag(row: _Row, labels: frozenset[str], path: Path) -> None:
    tag = split_tag(row.tag)
    if tag is None:
        raise _fail(
            path,
            row.line,
            "not a tag (are the columns in the other order?)",
            row.tag,
            "O, or a prefix of B, I, E, S, L, U, a hyphen and a label",
        )
    if tag[1]:
        _check_label(tag[1], labels, path, row.line)


def _make_sentence(rows: list[_Row]) -> Iterator[Sentence]:
    rows = [row for row in rows if row.token != DOCSTART]
    if rows:
        spans, n_bad = spans_from_tags([row.tag for row in rows])
        words = [row.token for row in rows]
        yield Sentence(words, [True] * len(words), spans, rows[0].line, n_bad)


def _read_jsonl_sentences(path: Path, labels: frozenset[str]) -> Iterator[Sentence]:
    nlp = spacy.blank("en")
    for line, record in read_jsonl(path):
        text = get_text(record, path=path, line=line)
        if not isinstance(spans := record.get("spans"), list):
            raise _fail(path, line, 'record without "spans"', spans, "a list, or []")
        offsets = sorted(_parse_span(span, text, path, line) for span in spans)
        for (_, end, _), (start, _, _) in pairwise(offsets):
            if start < end:
                raise _fail(
                    path, line, "spans overlap", spans, "spans that stand apart"
                )
        for _, _, label in offsets:
            _check_label(label, labels, path, line)
        yield _cut_at_spans(nlp, text, offsets, line)


def _parse_span(span: Any, text: str, path: Path, line: int) -> tuple[int, int, str]:
    try:
        start, end, label = int(span["start"]), int(span["end"]), str(span["label"])
    except (TypeError, KeyError, ValueError):
        raise _fail(
            path, line, "not a span", span, 'an object with "start", "end", "label"'
        ) from None
    if not (0 <= start < end <= len(text)) or not text[start:end].strip():
        raise _fail(
            path,
            line,
            "span outside the text",
            span,
            f"0 <= start < end <= {len(text)}",
        )
    # a token never begins or ends with the white space that a careless span takes in
    start = end - len(text[start:end].lstrip())
    return start, start + len(text[start:end].rstrip()), label


def _cut_at_spans(
    nlp: Language, text: str, offsets: list[tuple[int, int, str]], line: int
) -> Sentence:
    """Tokenise a text so that every span begins and ends with a token.

    A token that a span cuts through is cut too: no gold entity is lost, at the price
    of a tokenisation that a pipeline would not have come to by itself.
    """
    edges = {edge for start, end, _ in offsets for edge in (start, end)}
    starts: dict[int, int] = {}  # character offset -> token index
    ends: dict[int, int] = {}
    words: list[str] = []
    spaces: list[bool] = []
    n_split = 0
    for token in nlp.make_doc(text):
        first, last = token.idx, token.idx + len(token)
        cuts = [first, *(i for i in range(first + 1, last) if i in edges), last]
        n_split += len(cuts) > 2
        for start, end in pairwise(cuts):
            starts[start], ends[end] = len(words), len(words) + 1
            words.append(text[start:end])
            spaces.append(end == last and bool(token.whitespace_))
    spans = [TaggedSpan(starts[s], ends[e], label) for s, e, label in offsets]
    return Sentence(words, spaces, spans, line, n_split_tokens=n_split)
