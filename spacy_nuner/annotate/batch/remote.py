"""Batches on a server: send a file, ask how it goes, fetch the results."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from spacy_nuner.annotate.batch.files import ENDPOINT
from spacy_nuner.annotate.chat.failure import Failure
from spacy_nuner.annotate.chat.http import Http, open_http
from spacy_nuner.annotate.chat.retry import is_worth_a_try, make_wait, tell_refusal
from spacy_nuner.annotate.chat.settings import Settings
from spacy_nuner.errors import Errors

OutT = TypeVar("OutT")
_MAX_PAGES: Final = 50  # of 100 batches


class BatchState(NamedTuple):
    """How a batch is going."""

    status: str
    files: tuple[str | None, str | None]  # ids of output and errors
    reason: str


def upload(settings: Settings, path: Path) -> str:
    """Send a file of requests.

    settings (Settings): How the server is reached.
    path (Path): The file.
    RETURNS (str): Its id on the server.
    RAISES (RuntimeError): If the server won't have it.
    """

    async def send(http: Http) -> str:
        with path.open("rb") as file:
            form = aiohttp.FormData({"purpose": "batch"})
            form.add_field("file", file, filename=path.name)
            return _load(await http.send("POST", "/files", form))["id"]

    return _run(settings, send, path)


def create(settings: Settings, path: Path, file_id: str, window: str) -> str:
    """Have a file answered. One file never becomes two batches.

    settings (Settings): How the server is reached.
    path (Path): The file, for messages.
    file_id (str): Its id on the server.
    window (str): Such as "24h".
    RETURNS (str): The id of the batch.
    RAISES (RuntimeError): If the server won't do it.
    """
    request = {
        "input_file_id": file_id,
        "endpoint": ENDPOINT,
        "completion_window": window,
    }

    async def send(http: Http) -> str:
        # a try may have arrived although its response did not
        known = await _find(http, file_id)
        if known is not None:
            return known
        data = json.dumps(request).encode("ascii")
        return _load(await http.send("POST", "/batches", data))["id"]

    return _run(settings, send, path)


def look(settings: Settings, path: Path, batch_id: str) -> BatchState:
    """Ask how a batch is going.

    settings (Settings): How the server is reached.
    path (Path): Its file, for messages.
    batch_id (str): The batch.
    RETURNS (BatchState): How it is going.
    RAISES (RuntimeError): If the server does not know it.
    """

    async def send(http: Http) -> BatchState:
        found = _load(await http.send("GET", f"/batches/{batch_id}"))
        files = found.get("output_file_id"), found.get("error_file_id")
        errors = (found.get("errors") or {}).get("data") or []
        said = (str(error.get("message", error)) for error in errors)
        reason = http.redact("; ".join(said)) or "no reason given"
        return BatchState(found["status"], files, reason)

    return _run(settings, send, path)


def download(settings: Settings, path: Path, file_id: str) -> bytes:
    """Fetch a file.

    settings (Settings): How the server is reached.
    path (Path): The file of requests, for messages.
    file_id (str): The file.
    RETURNS (bytes): Its content.
    RAISES (RuntimeError): If the server does not have it.
    """

    async def send(http: Http) -> bytes:
        return await http.send("GET", f"/files/{file_id}/content")

    return _run(settings, send, path)


async def _find(http: Http, file_id: str) -> str | None:
    """The batch that was made of a file, if there is one."""
    after = ""
    for _ in range(_MAX_PAGES):
        page = _load(await http.send("GET", f"/batches?limit=100{after}"))
        for batch in page["data"]:
            if batch.get("input_file_id") == file_id:
                return batch["id"]
        if not page.get("has_more") or not page["data"]:
            break
        after = f"&after={page['data'][-1]['id']}"
    return None


def _load(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Failure("the response is no JSON", "again", "down") from None


def _run(
    settings: Settings, send: Callable[[Http], Awaitable[OutT]], path: Path
) -> OutT:
    """Run a request, and again where that may help, in a thread with a loop."""

    async def run() -> OutT:
        async with open_http(settings) as http:
            retrying = AsyncRetrying(
                retry=retry_if_exception(is_worth_a_try),
                stop=stop_after_attempt(settings.max_tries),
                wait=make_wait(settings.interval),
                reraise=True,
            )
            try:
                return await retrying(send, http)
            except Failure as failure:
                raise RuntimeError(_tell(failure, http)) from None

    def _tell(failure: Failure, http: Http) -> str:
        if failure.verdict in ("refused", "empty"):
            return tell_refusal(failure, settings, has_key=http.has_key)
        return Errors.N127.format(
            url=settings.base_url, path=path, reason=failure.reason, endpoint="/batches"
        )

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()
