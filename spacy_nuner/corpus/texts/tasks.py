"""Sources -> batches of documents, from where the last run stopped."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from .hub import HubFile, fetch
from .settings import TextSettings
from .sift import Sifted, sift
from .sources import BadDocument, Document, Source, read_documents

# Documents and characters of a batch
MAX_DOCUMENTS, MAX_CHARACTERS = 200, 1_000_000


class Position(NamedTuple):
    """How far the sources are read."""

    source: int = 0  # index
    n_read: int = 0  # documents of this source, bad ones too
    n_total: int = 0  # of all sources


class Task(NamedTuple):
    """What a worker is given."""

    documents: list[Document]
    problems: list[str]  # of documents that could not be read
    end: Position
    ceiling: int


class Done(NamedTuple):
    """What a worker gives back."""

    sifted: Sifted
    problems: list[str]
    end: Position


def read_tasks(
    sources: Sequence[Source],
    settings: TextSettings,
    start: Position,
    get_ceiling: Callable[[], int],
) -> Iterator[Task]:
    """Read documents in batches.

    sources (Sequence[Source]): the sources. A file of the hub is fetched when its
        turn comes.
    settings (TextSettings): the settings.
    start (Position): where to begin.
    get_ceiling (Callable): says what priority is too high to be drawn.
    YIELDS (Task): a batch.
    RAISES (ValueError): on a bad document, unless they are to be skipped.
    """
    documents: list[Document] = []
    problems: list[str] = []
    size, end = 0, start
    for document, end in _read(sources, settings, start):
        if isinstance(document, Document):
            documents.append(document)
            size += len(document.text)
        elif settings.skip_bad:
            problems.append(document.problem)
        else:
            raise ValueError(document.problem)
        n_documents = len(documents) + len(problems)
        if n_documents >= MAX_DOCUMENTS or size >= MAX_CHARACTERS:
            yield Task(documents, problems, end, get_ceiling())
            documents, problems, size = [], [], 0
    if documents or problems:
        yield Task(documents, problems, end, get_ceiling())


def _read(
    sources: Sequence[Source], settings: TextSettings, start: Position
) -> Iterator[tuple[Document | BadDocument, Position]]:
    n_total = start.n_total
    for index in range(start.source, len(sources)):
        name, file = sources[index]
        if settings.limit and n_total >= settings.limit:
            return
        path = fetch(file) if isinstance(file, HubFile) else file
        n_before = start.n_read if index == start.source else 0
        documents = read_documents(path, name, settings)
        rest = settings.limit - n_total if settings.limit else None
        stop = None if rest is None else n_before + rest
        for n_read, document in enumerate(
            islice(documents, n_before, stop), start=n_before + 1
        ):
            n_total += 1
            yield document, Position(index, n_read, n_total)


def do_tasks(
    tasks: Sequence[Task], settings: TextSettings, protect: tuple[str, ...]
) -> list[Done]:
    """Do some tasks; workers call this by its name.

    tasks (Sequence[Task]): the tasks.
    settings (TextSettings): the settings.
    protect (tuple[str, ...]): where the test data are.
    RETURNS (list[Done]): what became of each.
    """
    return [
        Done(
            sift(task.documents, settings, protect, ceiling=task.ceiling),
            task.problems,
            task.end,
        )
        for task in tasks
    ]
