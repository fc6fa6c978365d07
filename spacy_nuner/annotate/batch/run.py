"""Have files of requests answered: send them, wait, fetch what came of them."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spacy_nuner.annotate.batch.files import (
    list_requests,
    read_ids,
    results_of,
    write_whole,
)
from spacy_nuner.annotate.batch.remote import (
    BatchState,
    create,
    download,
    look,
    upload,
)
from spacy_nuner.annotate.batch.sent import Sent, SentFile
from spacy_nuner.annotate.chat.settings import Settings
from spacy_nuner.errors import Errors

logger = logging.getLogger(__name__)

_ENDED = {"completed", "expired", "cancelled"}


class BatchSettings(NamedTuple):
    """How requests become batches."""

    folder: Path
    submit: bool
    poll_interval: float  # seconds
    completion_window: str
    max_requests: int  # in a file
    max_bytes: int  # of a file
    max_batches: int  # on the server at once


def is_finished(requests: Path) -> bool:
    """RETURNS (bool): Whether the results of a file of requests are there."""
    return results_of(requests)[0].exists()


def finish_requests(
    settings: Settings, batches: BatchSettings, name: str
) -> Iterator[Path]:
    """Have the files answered that have no results yet.

    settings (Settings): How the server is reached.
    batches (BatchSettings): Where the files are.
    name (str): Of the LLM.
    YIELDS (Path): Each file of requests whose results have come.
    RAISES (RuntimeError): If they wait to be run by hand, if the server takes no
        batches or, once all others are fetched, if it has refused one.
    """
    folder = batches.folder
    waiting = [path for path in list_requests(folder) if not is_finished(path)]
    if waiting and not batches.submit:
        raise RuntimeError(_tell_commands(waiting, folder, name))
    sent, refused = Sent(folder), []
    under_way: list[Path] = []
    while waiting or under_way:
        while waiting and len(under_way) < batches.max_batches:
            path = waiting.pop(0)
            _send(settings, path, sent, batches.completion_window)
            under_way.append(path)
        ended = []
        for path in under_way:
            state = look(settings, path, sent.get(path)["batch_id"])
            if state.status == "failed":
                refused.append(_tell_refused(path, sent, state))
                ended.append(path)
            elif state.status in _ENDED:
                _fetch(settings, path, state)
                ended.append(path)
                yield path
        under_way = [path for path in under_way if path not in ended]
        if under_way and not ended:
            time.sleep(batches.poll_interval)
    if refused:
        raise RuntimeError(refused[0])


def _send(settings: Settings, path: Path, sent: Sent, window: str) -> None:
    """Send a file and have it answered, unless that was done before."""
    ids = sent.get(path)
    if not ids["file_id"]:
        ids = SentFile(file_id=upload(settings, path), batch_id="")
        sent.put(path, ids)
    if not ids["batch_id"]:
        batch_id = create(settings, path, ids["file_id"], window)
        sent.put(path, SentFile(file_id=ids["file_id"], batch_id=batch_id))
        logger.info("sent %s as batch %s", path, batch_id)


def _fetch(settings: Settings, path: Path, state: BatchState) -> None:
    """Fetch the errors and the output; with the output the file is finished."""
    output, errors = results_of(path)
    for target, file_id in ((errors, state.files[1]), (output, state.files[0])):
        content = download(settings, path, file_id) if file_id else b""
        write_whole(target, content)


def _tell_refused(path: Path, sent: Sent, state: BatchState) -> str:
    """Forget a batch that was refused, so that it is sent anew; RETURNS the message."""
    batch = sent.get(path)["batch_id"]
    sent.put(path, SentFile(file_id="", batch_id=""))
    return Errors.N124.format(
        batch=batch, path=path, status=state.status, reason=state.reason
    )


def _tell_commands(waiting: list[Path], folder: Path, name: str) -> str:
    commands = [
        f"vllm run-batch -i {path} -o {results_of(path)[0]} --model {name}"
        for path in waiting
    ]
    n = sum(1 for path in waiting for _ in read_ids(path))
    return Errors.N123.format(n=n, folder=folder, commands="\n".join(commands))
