"""Annotated sentences in columns: CoNLL and its many relatives, a token per line."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .annotated import Annotated, CharSpan, Problem, Reading, bad
from .tags import BEGIN, spans_from_tags, split_tag

DOCSTART = "-DOCSTART-"
EXPECTED = (
    "a token and a tag (O, or a prefix of B, I, E, S, L, U, a hyphen and a label) with "
    "a tab or spaces between, a blank line between sentences"
)


class _Row(NamedTuple):
    line: int
    cells: list[str]


def looks_like_columns(content: str) -> bool:
    """RETURNS (bool): Whether the first rows of a file have a tag each."""
    rows = [row for rows in _iter_blocks(content) for row in rows][:20]
    return bool(rows) and max(_count_tags(rows)) > len(rows) / 2


def read_columns(content: str, path: Path, *, collect: bool = False) -> Reading:
    """Read columns: the tag is the last one or the first, the token at the other end.

    Other columns (part of speech, chunk, a number in front) are passed over, and so are
    lines of comment. Tags may be IO, IOB, IOB2, BIOES or BILOU. Words are joined by
    spaces.

    content (str): The file.
    path (Path): Its path.
    collect (bool): Collect errors instead of raising the first.
    RETURNS (Reading): The sentences.
    RAISES (ValueError): For a row that cannot be read.
    """
    blocks = list(_iter_blocks(content))
    rows = [row for block in blocks for row in block]
    last, first = _count_tags(rows)
    tag_first = first > last
    has_number = not tag_first and all(_is_numbered(block) for block in blocks)
    reading = Reading([], [], [])
    begins = [_begins_with_b(block, -1 if not tag_first else 0) for block in blocks]
    for block in blocks:
        try:
            words, tags = zip(
                *(_split_row(r, path, tag_first, has_number) for r in block),
                strict=True,
            )
        except ValueError as error:
            if not collect:
                raise
            reading.errors.append(str(error))
            continue
        place = f"line {block[0].line}"
        sentence, n_bad = _make_sentence(words, tags, path, place)
        reading.sentences.append(sentence)
        if n_bad and any(begins):
            detail = f"{n_bad} tags continue an entity that does not begin with B-"
            reading.problems.append(Problem("tags", path, place, detail))
    return reading


def _iter_blocks(content: str) -> Iterator[list[_Row]]:
    block: list[_Row] = []
    # Not splitlines(): tokens may hold U+0085 and the like
    for number, raw in enumerate(content.split("\n"), start=1):
        if not raw.strip():
            if block:
                yield block
            block = []
            continue
        has_tab = "\t" in raw
        cells = raw.rstrip("\r").split("\t") if has_tab else raw.split()
        row = _Row(number, [cell.strip() for cell in cells])
        is_comment = not has_tab and _is_comment(row.cells)
        if DOCSTART not in row.cells and not is_comment:
            block.append(row)
    if block:
        yield block


def _is_comment(cells: list[str]) -> bool:
    """A line such as "# id = 7"; a token "#" has a tag."""
    return cells[0].startswith("#") and split_tag(cells[-1]) is None


def _count_tags(rows: list[_Row]) -> tuple[int, int]:
    """RETURNS (tuple[int, int]): Rows with a tag in the last and in the first place."""
    full = [row.cells for row in rows if len(row.cells) > 1]
    last = sum(split_tag(cells[-1]) is not None for cells in full)
    return last, sum(split_tag(cells[0]) is not None for cells in full)


def _is_numbered(block: list[_Row]) -> bool:
    """Whether the first of three columns or more counts the tokens."""
    if any(len(row.cells) < 3 or not row.cells[0].isdecimal() for row in block):
        return False
    numbers = [int(row.cells[0]) for row in block]
    return numbers == list(range(numbers[0], numbers[0] + len(block)))


def _begins_with_b(block: list[_Row], column: int) -> bool:
    """Whether an entity begins with B- where IOB1 would not need it."""
    before = ("O", "")
    for row in block:
        tag = split_tag(row.cells[column])
        if tag is None:
            return False
        if tag[0] == BEGIN and before[1] != tag[1]:
            return True
        before = tag
    return False


def _split_row(
    row: _Row, path: Path, tag_first: bool, has_number: bool
) -> tuple[str, str]:
    place = f"line {row.line}"
    if len(row.cells) < 2:
        raise bad(path, place, "row without a second column", row.cells[0], EXPECTED)
    tag = row.cells[0] if tag_first else row.cells[-1]
    word = row.cells[-1] if tag_first else row.cells[int(has_number)]
    if split_tag(tag) is None:
        raise bad(path, place, "not a tag", tag, EXPECTED)
    if not word:
        raise bad(path, place, "row without a token", "\t".join(row.cells), EXPECTED)
    return word, tag


def _make_sentence(
    words: tuple[str, ...], tags: tuple[str, ...], path: Path, place: str
) -> tuple[Annotated, int]:
    spans, n_bad = spans_from_tags(tags)
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word) + 1
    found = [
        CharSpan(starts[s.start], starts[s.end - 1] + len(words[s.end - 1]), s.label)
        for s in spans
    ]
    return Annotated(" ".join(words), found, path, place), n_bad
