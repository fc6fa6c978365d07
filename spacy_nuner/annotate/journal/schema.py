"""The table of a journal in SQLite, and how its file is opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from spacy_nuner.errors import Errors

APPLICATION_ID: Final = 0x6E754E52  # "nuNR"
VERSION: Final = 1
MAGIC: Final = b"SQLite format 3\x00"

# Texts stand last, so that counting does not read them. The index leads the corpus
# through the replies in the order of their texts and counts them by itself.
SCHEMA: Final = f"""
BEGIN;
CREATE TABLE replies (
    row INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,         -- SHA-256 of model, settings and prompt
    number INTEGER NOT NULL,          -- place of the text in its file, from 0
    turn INTEGER NOT NULL,            -- 1; 2 of a second pass over the same text
    follows BLOB,                     -- key of the first turn's reply
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,            -- of the last run that asked
    n_tries INTEGER NOT NULL,         -- of all runs, as are the tokens
    time TEXT NOT NULL,               -- UTC, ISO 8601
    model TEXT NOT NULL,
    prompt_sha256 BLOB NOT NULL,
    id TEXT NOT NULL,
    error TEXT NOT NULL,
    text TEXT NOT NULL,
    response TEXT                     -- NULL: failed, the next run asks again
);
CREATE INDEX by_number ON replies (number) WHERE response IS NOT NULL AND turn = 1;
CREATE INDEX by_follows ON replies (follows) WHERE follows IS NOT NULL;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""

COLUMNS: Final = (
    "key, number, turn, follows, prompt_tokens, completion_tokens, seconds, n_tries, "
    "time, model, prompt_sha256, id, error, text, response"
)
# A text that failed was paid for, too: what is replaced hands its tokens on
REPLACE_FAILED: Final = """
ON CONFLICT (key) DO UPDATE SET
    response = excluded.response, error = excluded.error, time = excluded.time,
    seconds = excluded.seconds, n_tries = n_tries + excluded.n_tries,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens
WHERE replies.response IS NULL
"""


class Record(NamedTuple):
    """A row of the journal: a prompt with its reply, or with the reason of none."""

    key: str  # of model, settings and prompt; hexadecimal, as are the other hashes
    model: str
    prompt_sha256: str
    number: int
    id: str
    text: str
    response: str | None
    error: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    n_tries: int = 1
    time: str = ""
    turn: int = 1
    follows: str | None = None


def is_sqlite(path: Path) -> bool:
    """Whether a file is SQLite, whatever it is called.

    path (Path): Any path.
    RETURNS (bool): False for JSONL, and if there is no such file.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def connect_writing(path: Path) -> sqlite3.Connection:
    """Open a journal to write it; make it if there is none.

    Call it only under a `WriterLock`. A file that is not written to keeps its bytes.

    path (Path): The journal.
    RETURNS (sqlite3.Connection): For any thread; each statement is a transaction.
    RAISES (ValueError): If it is JSONL, foreign, of another version, or damaged.
    """
    if path.is_file() and path.stat().st_size and not is_sqlite(path):
        raise ValueError(Errors.N140.format(path=path, new=path.with_suffix(".sqlite")))
    with naming(path):
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=30
        )
        try:
            (n_tables,) = connection.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()
            if n_tables:
                _check(connection, path)
            # safe against any kill; a power cut may take the last replies
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # a reply writes some five pages: the disk is waited for now and then only
            connection.execute("PRAGMA wal_autocheckpoint = 10000")
            if not n_tables:
                connection.executescript(SCHEMA)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """Open a journal to read it, also while another process writes it.

    path (Path): The journal.
    RETURNS (sqlite3.Connection): A connection that can't write.
    RAISES (FileNotFoundError): If there is no such file.
    RAISES (ValueError): If it is JSONL, foreign, of another version, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="journal", path=path))
    if not is_sqlite(path):
        raise ValueError(Errors.N140.format(path=path, new=path.with_suffix(".sqlite")))
    uri = path.resolve().as_uri()
    with naming(path):
        # A reader that may write cleans up behind itself; mode=ro leaves -wal and -shm
        connection = sqlite3.connect(f"{uri}?mode=rw", uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = 1")
            _check(connection, path)
        except sqlite3.OperationalError:
            # No right to write in this folder. What a writer left beside it counts
            connection.close()
            wal = path.with_name(f"{path.name}-wal")
            mode = "mode=ro" if wal.exists() else "mode=ro&immutable=1"
            connection = sqlite3.connect(f"{uri}?{mode}", uri=True)
            _check(connection, path)
    return connection


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the journal in SQLite's own complaints.

    path (Path): The journal.
    RAISES (RuntimeError): If it can't be read or written now: locked, disk full.
    RAISES (ValueError): If it is damaged.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise RuntimeError(Errors.N142.format(path=path, error=error)) from error
    except sqlite3.DatabaseError as error:
        raise ValueError(Errors.N143.format(path=path, error=error)) from error


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is not a journal of this version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) != (APPLICATION_ID, VERSION):
        connection.close()
        raise ValueError(
            Errors.N144.format(
                path=path,
                got=f"application {application:#x}, version {version}",
                version=VERSION,
            )
        )
