"""The candidates of a sample in a file beside the output: what a run goes on from.

SQLite, since memory should not grow with the sample, and a run that is killed at any
moment should have either all of a batch of documents or nothing of it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .sift import LeakedSentence, Sentence

TABLES = """
CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS candidates (
    priority INTEGER PRIMARY KEY, id TEXT, text TEXT, copies INTEGER
);
CREATE TABLE IF NOT EXISTS leaks (number INTEGER PRIMARY KEY, record TEXT);
CREATE TABLE IF NOT EXISTS bad (number INTEGER PRIMARY KEY, problem TEXT);
"""
# Texts alike have one priority. Which of them stays must not depend on their order
ADD = """
INSERT INTO candidates VALUES (?, ?, ?, 1) ON CONFLICT (priority) DO UPDATE SET
    copies = copies + 1,
    text = CASE WHEN excluded.id < id THEN excluded.text ELSE text END,
    id = min(id, excluded.id)
"""
# SQLite's whole numbers have a sign
HALF = 2**63
HIGHEST = 2**64 - 1
# Rows above the number of candidates, as a share of it, before they are thrown out
SLACK = 0.5
MIN_SLACK = 10_000


class Candidate(NamedTuple):
    """A sentence that may be drawn."""

    priority: int
    id: str
    text: str
    copies: int  # texts alike, this one included


class Spool:
    """The candidates of one sample, and how far its sources were read."""

    def __init__(self, connection: sqlite3.Connection, n_candidates: int) -> None:
        """Take a connection.

        connection (sqlite3.Connection): with the tables.
        n_candidates (int): how many are kept, those of the smallest priority; 0: all.
        """
        self._connection = connection
        self.n_candidates = n_candidates
        self.ceiling = HIGHEST  # sentences above it will not be drawn
        self._at_most = 0  # rows there may be
        self._throw_out()

    def read_state(self) -> dict[str, Any] | None:
        """RETURNS (dict[str, Any] | None): What was written last; None: nothing."""
        query = "SELECT value FROM state WHERE id = 0"
        row = self._connection.execute(query).fetchone()
        return None if row is None else json.loads(row[0])

    def add(
        self,
        sentences: Iterable[Sentence],
        leaks: Iterable[LeakedSentence],
        problems: Iterable[str],
        state: dict[str, Any],
    ) -> None:
        """Add what came of a batch, all or nothing.

        sentences (Iterable[Sentence]): that passed.
        leaks (Iterable[LeakedSentence]): that did not, for test data have them.
        problems (Iterable[str]): of documents that could not be read.
        state (dict[str, Any]): how far the sources are read now, and the counts.
        """
        rows = [
            (s.priority - HALF, s.id, s.text)
            for s in sorted(sentences)
            if s.priority <= self.ceiling
        ]
        with self._connection:
            self._connection.executemany(ADD, rows)
            self._connection.executemany(
                "INSERT INTO leaks (record) VALUES (?)", map(_format_leak, leaks)
            )
            self._connection.executemany(
                "INSERT INTO bad (problem) VALUES (?)", ((p,) for p in problems)
            )
            self._connection.execute(
                "INSERT OR REPLACE INTO state VALUES (0, ?)", (json.dumps(state),)
            )
        self._at_most += len(rows)
        slack = max(MIN_SLACK, round(self.n_candidates * SLACK))
        if self._at_most > self.n_candidates + slack:
            self._throw_out()

    def _throw_out(self) -> None:
        """Leave the candidates alone, if there is a bound."""
        if not self.n_candidates:
            return
        query = "SELECT priority FROM candidates ORDER BY priority LIMIT 1 OFFSET ?"
        row = self._connection.execute(query, (self.n_candidates - 1,)).fetchone()
        if row is not None:
            self.ceiling = row[0] + HALF
            with self._connection:
                query = "DELETE FROM candidates WHERE priority > ?"
                self._connection.execute(query, row)
        self._at_most = self.count()

    def count(self) -> int:
        """RETURNS (int): Candidates that are there."""
        query = "SELECT count(*) FROM candidates"
        return self._connection.execute(query).fetchone()[0]

    def read_candidates(self) -> Iterator[Candidate]:
        """YIELDS (Candidate): The smallest priority first."""
        query = "SELECT * FROM candidates ORDER BY priority LIMIT ?"
        for row in self._connection.execute(query, (self.n_candidates or -1,)):
            yield Candidate(row[0] + HALF, *row[1:])

    def get_text(self, priority: int) -> str:
        """RETURNS (str): The text of a candidate that is there."""
        query = "SELECT text FROM candidates WHERE priority = ?"
        return self._connection.execute(query, (priority - HALF,)).fetchone()[0]

    def read_leaks(self) -> Iterator[dict[str, str]]:
        """YIELDS (dict[str, str]): Sentences of test data, in the order of ids."""
        query = "SELECT record FROM leaks ORDER BY json_extract(record, '$.id')"
        for (record,) in self._connection.execute(query):
            yield json.loads(record)

    def read_problems(self) -> Iterator[str]:
        """YIELDS (str): What was wrong with documents, in the order of reading."""
        for (problem,) in self._connection.execute("SELECT problem FROM bad"):
            yield problem


def _format_leak(leaked: LeakedSentence) -> tuple[str]:
    record = {
        "id": leaked.id,
        "test_set": leaked.leak.test_set,
        "words": leaked.leak.words,
        "text": leaked.text,
    }
    return (json.dumps(record),)


@contextmanager
def open_spool(path: Path, n_candidates: int) -> Iterator[Spool]:
    """Open the spool of a run, or make one.

    path (Path): the file. It stays when the block ends.
    n_candidates (int): how many are kept; 0: all.
    YIELDS (Spool): the spool.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        # a crash of the machine may cost the last batches, never the file
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        connection.execute("PRAGMA cache_size=-131072")  # KiB
        connection.executescript(TABLES)
        yield Spool(connection, n_candidates)


def remove_spool(path: Path) -> None:
    """Remove the file and what SQLite has beside it.

    path (Path): the file.
    """
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
