"""One writer at a time: a lock file beside a journal, free again after any kill."""

import fcntl
import os
import socket
from pathlib import Path

from spacy_nuner.errors import Errors


class WriterLock:
    """Holds the right to write a journal; the system takes it back from the dead."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        path (Path): The journal.
        RAISES (RuntimeError): If another process, or this one, has it already.
        """
        self.path = path.with_name(f"{path.name}.lock")
        while True:
            self._fd = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o644)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(self._fd, 200).decode("utf8", errors="replace")
                os.close(self._fd)
                raise RuntimeError(
                    Errors.N141.format(path=path, owner=owner or "another process")
                ) from None
            # Who had it may have removed the file between our two calls
            if self._is_current():
                break
            os.close(self._fd)
        os.truncate(self._fd, 0)
        owner = f"process {os.getpid()} on {socket.gethostname()}"
        os.write(self._fd, owner.encode("utf8"))

    def _is_current(self) -> bool:
        try:
            return self.path.stat().st_ino == os.fstat(self._fd).st_ino
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Give the lock back and remove its file."""
        self.path.unlink(missing_ok=True)
        os.close(self._fd)
