"""What was sent to the server: `batches.json`, so that nothing is paid twice."""

import json
from pathlib import Path
from typing import TypedDict

from spacy_nuner.annotate.batch.files import write_whole
from spacy_nuner.errors import Errors


class SentFile(TypedDict):
    """What became of a file of requests."""

    file_id: str  # "": not on the server
    batch_id: str  # "": no batch yet


class Sent:
    """The record of a folder; each change is on the disk before it is acted upon."""

    def __init__(self, folder: Path) -> None:
        """Read the record, if there is one.

        folder (Path): With the files of requests.
        RAISES (ValueError): If it is damaged.
        """
        self._path = folder / "batches.json"
        self._files: dict[str, SentFile] = {}
        if not self._path.exists():
            return
        try:
            for name, sent in json.loads(self._path.read_bytes()).items():
                self._files[name] = SentFile(
                    file_id=sent["file_id"], batch_id=sent["batch_id"]
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            shown = f"{type(error).__name__}: {error}"
            message = Errors.N126.format(path=self._path, problem=shown)
            raise ValueError(message) from None

    def get(self, requests: Path) -> SentFile:
        """RETURNS (SentFile): What became of a file so far."""
        return self._files.get(requests.name, SentFile(file_id="", batch_id=""))

    def put(self, requests: Path, sent: SentFile) -> None:
        """Keep what became of a file.

        requests (Path): The file.
        sent (SentFile): Its ids.
        """
        self._files[requests.name] = sent
        write_whole(self._path, (json.dumps(self._files, indent=1) + "\n").encode())
