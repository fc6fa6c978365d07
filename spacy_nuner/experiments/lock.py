"""One run at a time in a folder; the system frees the lock after any kill."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Errors

NAME = "lock"


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a folder for this process.

    folder (Path): The folder, made if missing.
    RAISES (ValueError): If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(Errors.N702.format(path=folder)) from None
        yield
