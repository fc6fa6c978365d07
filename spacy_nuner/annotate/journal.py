"""The journal of bought replies: JSONL, a line per prompt, appended as they arrive."""

import json
import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple

from spacy_nuner.annotate.records import parse_record

_REQUIRED: Final = ("key", "text", "response")


class Reply(NamedTuple):
    """A record of the journal."""

    key: str  # of model, settings and prompt
    model: str
    prompt_sha256: str
    id: str
    text: str
    response: str


def make_key(model: str, settings: dict[str, Any], prompt: str) -> str:
    """The key of a reply: another model, setting, template or example is another key.

    model (str): Name of the model.
    settings (dict[str, Any]): Its settings, plain JSON.
    prompt (str): The whole prompt.
    RETURNS (str): Hexadecimal SHA-256.
    """
    payload = json.dumps([model, settings, prompt], sort_keys=True, default=str)
    return sha256(payload.encode("utf8")).hexdigest()


class Journal:
    """Keeps replies on disk, each as soon as it is there.

    A run that was killed may leave half a line at the end; it is cut off when the
    journal is opened again, so that at most this one reply is asked for again.
    """

    def __init__(self, path: Path) -> None:
        """Open a journal, make it if there is none.

        path (Path): The JSONL file.
        RAISES (ValueError): If a line of the file is not a record of a journal.
        """
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._keys = _read_keys(self.path)
        self._file: BinaryIO = self.path.open("ab")

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
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def append(self, reply: Reply) -> None:
        """Write a reply and flush it.

        reply (Reply): The reply; if its key is there already nothing is written.
        """
        if reply.key in self._keys:
            return
        line = json.dumps(reply._asdict(), ensure_ascii=False)
        self._file.write(line.encode("utf8", errors="backslashreplace") + b"\n")
        self._file.flush()
        self._keys.add(reply.key)

    def close(self) -> None:
        """Close the file; the journal can't be appended to any more."""
        self._file.close()


def _read_keys(path: Path) -> set[str]:
    """Read the keys of a journal and repair its last line."""
    keys: set[str] = set()
    if not path.exists():
        return keys
    whole = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            if line.strip():
                record = parse_record(
                    line, path=path, number=number, required=_REQUIRED
                )
                keys.add(record["key"])
    if whole < path.stat().st_size:
        os.truncate(path, whole)
    return keys
