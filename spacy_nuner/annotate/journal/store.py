"""The journal of bought replies: SQLite, a row per prompt, written as it arrives."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.journal.lock import WriterLock
from spacy_nuner.annotate.journal.schema import (
    COLUMNS,
    REPLACE_FAILED,
    Record,
    connect_reading,
    connect_writing,
    naming,
)

_PUT: Final = (
    f"INSERT INTO replies ({COLUMNS}) VALUES "
    f"({', '.join('?' * len(COLUMNS.split(',')))}) {REPLACE_FAILED}"
)
# "WHERE true" tells SQLite's parser that ON CONFLICT is no join
_MERGE: Final = (
    f"INSERT INTO replies ({COLUMNS}) SELECT {COLUMNS} FROM shard.replies "
    f"WHERE true ORDER BY row {REPLACE_FAILED} AND excluded.response IS NOT NULL"
)
_READ: Final = f"SELECT {COLUMNS} FROM replies"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Journal:
    """Keeps replies on disk, each as soon as it is there.

    A reply is safe once `put` returns: a process that is killed loses none. Nothing is
    kept in memory; a key is looked up in the file.
    """

    def __init__(self, path: Path) -> None:
        """Open a journal to write it, make it if there is none.

        path (Path): The SQLite file. Its folder must be on a local disk.
        RAISES (RuntimeError): If another run writes it.
        RAISES (ValueError): If the file is not a journal of this version.
        """
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(self.path)
        try:
            self._connection = connect_writing(self.path)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        """Whether there is a reply: a prompt that failed is asked again."""
        with naming(self.path):
            found = self._connection.execute(
                "SELECT 1 FROM replies WHERE key = ? AND response IS NOT NULL",
                (bytes.fromhex(key),),
            )
            return found.fetchone() is not None

    def __len__(self) -> int:
        """The number of replies; of later turns, too."""
        with naming(self.path):
            (n_replies,) = self._connection.execute(
                "SELECT count(*) FROM replies WHERE response IS NOT NULL"
            ).fetchone()
        return int(n_replies)

    def get(self, key: str) -> Record | None:
        """Look up a prompt.

        key (str): Of model, settings and prompt.
        RETURNS (Record | None): Its row; None if it was never asked.
        """
        with naming(self.path):
            row = self._connection.execute(
                f"{_READ} WHERE key = ?", (bytes.fromhex(key),)
            ).fetchone()
        return _to_record(row) if row else None

    def get_usage(self, model: str) -> Usage:
        """Add up the tokens of a model: those of failed texts were paid for, too.

        model (str): Its name, as in the rows.
        RETURNS (Usage): Tokens in and out.
        """
        with naming(self.path):
            totals = self._connection.execute(
                "SELECT total(prompt_tokens), total(completion_tokens) FROM replies "
                "WHERE model = ?",
                (model,),
            ).fetchone()
        return Usage(*map(int, totals))

    def put(self, record: Record) -> None:
        """Write a reply or a failure, durably.

        record (Record): The row; a reply that is there already is never replaced, a
            failure is, and its tokens and tries are added to those of the new one.
        """
        with naming(self.path):
            self._connection.execute(_PUT, _to_row(record))

    def put_all(self, records: Iterable[Record]) -> int:
        """Write many rows at once: all or none.

        records (Iterable[Record]): The rows.
        RETURNS (int): How many were new, or replaced a failure.
        """
        with naming(self.path):
            before = self._connection.total_changes
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(_PUT, map(_to_row, records))
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            return self._connection.total_changes - before

    def merge(self, paths: Iterable[Path]) -> int:
        """Take over the rows of other journals, such as the shards of a run.

        A reply wins over a failure; of two replies the one that is here stays. Doing
        it twice does no harm.

        paths (Iterable[Path]): The other journals, which nobody writes meanwhile.
        RETURNS (int): How many rows were new, or replaced a failure.
        RAISES (ValueError): If one of them is not a journal of this version.
        """
        before = self._connection.total_changes
        for path in paths:
            connect_reading(path).close()
            with naming(path):
                self._connection.execute("ATTACH ? AS shard", (str(path),))
                try:
                    self._connection.execute(_MERGE)
                finally:
                    self._connection.execute("DETACH shard")
        return self._connection.total_changes - before

    def close(self) -> None:
        """Close the file: nothing is left beside it."""
        with naming(self.path):
            self._connection.close()
        self._lock.release()


def read_journal(path: Path) -> Iterator[Record]:
    """Read a journal in the order of its texts, also while it is written.

    path (Path): The journal.
    YIELDS (Record): Its rows, failed ones too.
    RAISES (ValueError): If it is not a journal of this version, or damaged.
    """
    with naming(path), closing(connect_reading(path)) as connection:
        # by parts: a sort of all rows would copy the whole journal
        for (row,) in connection.execute(
            "SELECT row FROM replies ORDER BY number, turn, row"
        ):
            (found,) = connection.execute(f"{_READ} WHERE row = ?", (row,)).fetchall()
            yield _to_record(found)


def _to_row(record: Record) -> tuple[object, ...]:
    return (
        bytes.fromhex(record.key),
        record.number,
        record.turn,
        bytes.fromhex(record.follows) if record.follows else None,
        record.prompt_tokens,
        record.completion_tokens,
        record.seconds,
        record.n_tries,
        record.time,
        record.model,
        bytes.fromhex(record.prompt_sha256),
        _to_unicode(record.id),
        _to_unicode(record.error),
        record.text,
        None if record.response is None else _to_unicode(record.response),
    )


def _to_record(row: tuple[object, ...]) -> Record:
    named = dict(zip(COLUMNS.split(", "), row, strict=True))
    for name in ("key", "prompt_sha256", "follows"):
        value = named[name]
        named[name] = value.hex() if isinstance(value, bytes) else None
    return Record(**named)  # type: ignore[arg-type]


def _to_unicode(text: str) -> str:
    """Half a surrogate pair, cut off by a model, is no text that a file can hold."""
    return _SURROGATE.sub("?", text)
