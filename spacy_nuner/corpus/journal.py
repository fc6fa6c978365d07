"""Read the replies of an annotation journal: SQLite, as `spacy-nuner annotate` writes.

The stages meet in files and share no code, so the few names of the table stand here
once more. Its schema is told in docs/annotation.md.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import Errors

MAGIC: Final = b"SQLite format 3\x00"
APPLICATION_ID: Final = 0x6E754E52
VERSION: Final = 1

# Both terms of the partial index: with them SQLite walks it and sorts nothing
_FIRST: Final = "FROM replies WHERE response IS NOT NULL AND turn = 1"
_ROWS: Final = (
    "SELECT id, text, response, model, lower(hex(prompt_sha256)), key "
    f"{_FIRST} ORDER BY number, row LIMIT ? OFFSET ?"
)
_COUNT: Final = f"SELECT count(*) {_FIRST}"
_LATER: Final = (
    "SELECT response FROM replies WHERE follows = ? AND response IS NOT NULL "
    "ORDER BY turn, row"
)


class Row(NamedTuple):
    """What the corpus takes from a row of the journal."""

    id: str
    text: str
    response: str
    model: str
    prompt_sha256: str


def is_journal(path: Path) -> bool:
    """Whether a file is SQLite, whatever it is called.

    path (Path): Any path.
    RETURNS (bool): False for JSONL, and if there is no such file.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def count_rows(path: Path) -> int:
    """Count the texts that have a reply, without reading them.

    path (Path): The journal.
    RETURNS (int): How many rows `read_rows` gives.
    RAISES (ValueError): If it is no journal of this version, or damaged.
    """
    try:
        with closing(_connect(path)) as connection:
            return int(connection.execute(_COUNT).fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise ValueError(Errors.N261.format(path=path, error=error)) from None


def read_rows(path: Path, *, start: int = 0, stop: int | None = None) -> Iterator[Row]:
    """Read the replies in the order of their texts.

    The order is that of the texts in their file, so it does not depend on which reply
    came first; a text with several replies (of two models or prompts) has them in the
    order of the runs. Replies of later turns are joined to that of the first.

    path (Path): The journal; it may be written to meanwhile.
    start (int): The first reply, from 0. What comes before is not read.
    stop (int | None): The reply to stop at. None: all.
    YIELDS (Row): A reply.
    RAISES (ValueError): If it is no journal of this version, or damaged.
    """
    n_rows = -1 if stop is None else max(stop - start, 0)
    try:
        with closing(_connect(path)) as connection:
            has_later = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM replies WHERE follows IS NOT NULL)"
            ).fetchone()[0]
            for *fields, key in connection.execute(_ROWS, (n_rows, start)):
                row = Row(*fields)
                if has_later:
                    later = [found for (found,) in connection.execute(_LATER, (key,))]
                    row = row._replace(response="\n".join([row.response, *later]))
                yield row
    except sqlite3.DatabaseError as error:
        raise ValueError(Errors.N261.format(path=path, error=error)) from None


def _connect(path: Path) -> sqlite3.Connection:
    """Open a journal to read it; its bytes stay as they are."""
    uri = path.resolve().as_uri()
    # A reader that may write cleans up behind itself; mode=ro leaves -wal and -shm
    connection = sqlite3.connect(f"{uri}?mode=rw", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = 1")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        # No right to write in this folder. What a writer left beside the file counts
        connection.close()
        wal = path.with_name(f"{path.name}-wal")
        mode = "mode=ro" if wal.exists() else "mode=ro&immutable=1"
        connection = sqlite3.connect(f"{uri}?{mode}", uri=True)
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) != (APPLICATION_ID, VERSION):
        connection.close()
        raise ValueError(
            Errors.N260.format(
                path=path,
                got=f"application {application:#x}, version {version}",
                version=VERSION,
            )
        )
    return connection
