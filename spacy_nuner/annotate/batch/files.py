"""Files of requests and of results, in OpenAI's batch format."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.chat.failure import Failure
from spacy_nuner.annotate.chat.protocol import Completion, read_body
from spacy_nuner.errors import Errors

ENDPOINT: Final = "/v1/chat/completions"
_NAME: Final = re.compile(r"requests-(\d+)\.jsonl")


class Result(NamedTuple):
    """What a batch has made of a request."""

    id: bytes  # of the request
    completion: Completion | None  # None: failed
    error: str = ""


def make_id(body: Mapping[str, Any]) -> bytes:
    """Name a request by all that decides its reply.

    body (Mapping[str, Any]): Its body.
    RETURNS (bytes): SHA-256; its hexadecimal form is the custom_id.
    """
    return sha256(json.dumps(body, sort_keys=True).encode("ascii")).digest()


class RequestWriter:
    """Writes requests into as many files as the limits ask for.

    A file has its name only once it is whole, so a run that is stopped leaves no half.
    """

    def __init__(self, folder: Path, *, max_requests: int, max_bytes: int) -> None:
        """Begin with the next free number.

        folder (Path): Where the files go.
        max_requests (int): In a file.
        max_bytes (int): Of a file.
        """
        self._folder = folder
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        numbers = [get_number(path) for path in list_requests(folder)]
        self._number = max(numbers, default=0)
        self._n_requests = self._n_bytes = 0
        self._file: Any = None

    def __enter__(self) -> "RequestWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        elif self._file is not None:
            self._file.close()
            self._temp.unlink()

    def add(self, id_: bytes, body: Mapping[str, Any]) -> None:
        """Write a request.

        id_ (bytes): From `make_id`.
        body (Mapping[str, Any]): Its body.
        """
        request = {"custom_id": id_.hex(), "method": "POST", "url": ENDPOINT}
        line = json.dumps({**request, "body": body}).encode("ascii") + b"\n"
        is_full = self._n_bytes + len(line) > self._max_bytes
        if self._n_requests and (is_full or self._n_requests == self._max_requests):
            self._finish()
        if self._file is None:
            self._number += 1
            self._path = self._folder / f"requests-{self._number:05}.jsonl"
            self._temp = self._path.with_suffix(".tmp")
            self._file = self._temp.open("wb")
        self._file.write(line)
        self._n_requests += 1
        self._n_bytes += len(line)

    def _finish(self) -> None:
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temp.replace(self._path)
        self._file, self._n_requests, self._n_bytes = None, 0, 0


def list_requests(folder: Path) -> list[Path]:
    """RETURNS (list[Path]): The files of requests, oldest first."""
    paths = (path for path in folder.glob("requests-*.jsonl"))
    return sorted((p for p in paths if _NAME.fullmatch(p.name)), key=get_number)


def get_number(path: Path) -> int:
    """RETURNS (int): The number of a file of requests."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else 0


def results_of(requests: Path) -> tuple[Path, Path]:
    """RETURNS (tuple[Path, Path]): Where the output and the errors of a file go."""
    names = (requests.name.replace("requests", kind) for kind in ("results", "errors"))
    output, errors = (requests.with_name(name) for name in names)
    return output, errors


def read_ids(requests: Path) -> Iterator[bytes]:
    """YIELDS (bytes): The requests of a file."""
    with requests.open("rb") as file:
        for line in file:
            yield bytes.fromhex(json.loads(line)["custom_id"])


def read_results(requests: Path) -> Iterator[Result]:
    """Read what has become of the requests of a file.

    requests (Path): The file; those with its results lie beside it.
    YIELDS (Result): In the order of the results, which is not that of the requests.
    RAISES (ValueError): If a line is no result.
    """
    for path in results_of(requests):
        if not path.exists():
            continue
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _read_result(line, path, number)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, all or nothing.

    path (Path): The file.
    content (bytes): What it holds.
    """
    temp = path.with_suffix(".tmp")
    with temp.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temp.replace(path)


def _read_result(line: bytes, path: Path, number: int) -> Result:
    try:
        record = json.loads(line)
        id_ = bytes.fromhex(record["custom_id"])
        response, error = record.get("response"), record.get("error")
        status = response["status_code"] if response else None
        body = response["body"] if response else None
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        shown = f"{type(problem).__name__}: {problem}"
        message = Errors.N125.format(path=path, line=number, problem=shown)
        raise ValueError(message) from None
    if error is None and status == 200:
        try:
            return Result(id_, read_body(body))
        except Failure as failure:
            return Result(id_, None, failure.reason)
    said = error if error is not None else (body or {}).get("error", body)
    message = said.get("message", said) if isinstance(said, dict) else said
    return Result(id_, None, f"HTTP {status}: {message}" if status else str(message))
