"""Texts cut into tasks, each a file of the questions that a worker asks."""

import gzip
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from spacy_nuner.annotate.annotator import Annotator, Question
from spacy_nuner.annotate.journal.store import Journal

SUFFIX: Final = ".questions.gz"


class Plan(NamedTuple):
    """What is to be asked."""

    tasks: list[Path]
    n_before: int  # texts with a reply in the journal, or that came twice


def plan_tasks(
    annotator: Annotator,
    journal: Journal,
    questions: Iterable[Question],
    folder: Path,
    *,
    size: int,
) -> Plan:
    """Write the questions without a reply into files.

    This is done in one place, so that a prompt is in one task only and workers need
    neither the texts nor the journal.

    annotator (Annotator): Makes the keys.
    journal (Journal): What it has is not asked.
    questions (Iterable[Question]): All of them.
    folder (Path): Gets the files.
    size (int): Questions of a task.
    RETURNS (Plan): The files, in the order of their texts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks: list[Path] = []
    batch: list[Question] = []
    digest = sha256()
    n_before = 0
    # "" is a file that SQLite keeps out of sight: a set of all keys could fill memory
    with closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.execute("PRAGMA journal_mode = OFF")
        seen.execute("CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID")
        seen.execute("BEGIN")
        for question in questions:
            key = annotator.make_key(question.prompt)
            new = seen.execute(
                "INSERT OR IGNORE INTO keys VALUES (?)", (bytes.fromhex(key),)
            )
            if not new.rowcount or key in journal:
                n_before += 1
                continue
            batch.append(question)
            digest.update(key.encode())
            if len(batch) == size:
                tasks.append(_write_task(folder, digest.hexdigest(), batch))
                batch, digest = [], sha256()
        if batch:
            tasks.append(_write_task(folder, digest.hexdigest(), batch))
    return Plan(tasks, n_before)


def read_task(path: Path) -> Iterator[Question]:
    """Read the questions of a task.

    path (Path): From `plan_tasks`.
    YIELDS (Question): One after another.
    """
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            yield Question(*json.loads(line))


def name_shard(task: Path) -> Path:
    """The journal of a task, beside its questions.

    task (Path): From `plan_tasks`.
    RETURNS (Path): The SQLite file.
    """
    return task.with_name(task.name.removesuffix(SUFFIX) + ".sqlite")


def _write_task(folder: Path, name: str, questions: list[Question]) -> Path:
    path = folder / f"{name[:32]}{SUFFIX}"
    with gzip.open(path, "wt", compresslevel=1, encoding="ascii") as file:
        for question in questions:
            file.write(json.dumps(question) + "\n")
    return path
