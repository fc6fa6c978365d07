"""The journals of tasks: opened by one worker after another, joined in the end."""

import shutil
import time
from pathlib import Path
from typing import Final, NamedTuple

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.journal.store import Journal, read_journal

# Seconds that whoever wrote a shard before may take to die
_PATIENCE: Final = 30.0
_INTERVAL: Final = 0.2


class Joined(NamedTuple):
    """What shards held."""

    n_replies: int = 0
    n_failed: int = 0
    first_error: str = ""  # "" if none failed
    usage: Usage = Usage()  # failed texts as well


def name_folder(output: Path) -> Path:
    """The folder of the shards of a journal, beside it.

    output (Path): The journal.
    RETURNS (Path): The folder.
    """
    return output.with_name(f"{output.name}.shards")


def open_shard(path: Path) -> Journal:
    """Open a shard, once whoever wrote it before is gone.

    path (Path): The shard; it is made if there is none.
    RETURNS (Journal): The journal.
    RAISES (RuntimeError): If another process keeps writing it.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return Journal(path)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_INTERVAL)


def join_shards(journal: Journal, folder: Path) -> Joined:
    """Take all shards over into the journal, and remove their folder.

    It may be stopped at any moment: what is not joined then is joined at the next call.

    journal (Journal): Gets the rows.
    folder (Path): From `name_folder`; there may be none.
    RETURNS (Joined): What was in the shards.
    """
    total = Joined()
    for path in sorted(folder.glob("*.sqlite")):
        open_shard(path).close()  # takes in what a killed worker has left beside it
        total = _add(total, path)
        _add_failures(journal, path)
        journal.merge([path])
        path.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    return total


def _add(total: Joined, path: Path) -> Joined:
    n_replies, n_failed, first_error, (n_in, n_out) = total
    for record in read_journal(path):
        if record.response is None:
            n_failed += 1
            first_error = first_error or record.error
        else:
            n_replies += 1
        n_in += record.prompt_tokens
        n_out += record.completion_tokens
    return Joined(n_replies, n_failed, first_error, Usage(n_in, n_out))


def _add_failures(journal: Journal, path: Path) -> None:
    """Count what failed again: `merge` leaves a failure that is there as it is.

    Should the join be stopped right after, it is counted twice: better than never.
    """
    for record in read_journal(path):
        if record.response is None:
            before = journal.get(record.key)
            if before is not None and before.response is None:
                journal.put(record)
