"""kill -9 of annotators at random moments, and what must hold afterwards.

Used by `test_kill.py`, with few kills, and by `benchmarks/annotate_kill.py`.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from spacy_nuner.annotate.annotator import load_annotator
from spacy_nuner.annotate.chat.model import make_chat_model
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.annotate.run import annotate_texts

from .running import RunningServer

CONFIG = Path(__file__).parent.parent.parent / "configs" / "tiny" / "annotate.cfg"
PATIENCE = 120
MAX_CONCURRENT = 16
# Asked and not written yet: on their way to the server, there, or on the way back
MAX_OPEN = 2 * MAX_CONCURRENT


class Killed(NamedTuple):
    """What the kills did, from the server's log."""

    n_texts: int
    n_kills: int
    kept: list[int]  # replies in the journal after each kill
    n_requests: int
    n_asked_again: int  # of prompts whose reply was in the journal
    n_open: list[int]  # requests without a row in the journal at each kill
    n_answered_twice: int  # of prompts that were open at a kill


def annotate(url: str, texts: list[tuple[str, str]], output: Path) -> None:
    """Annotate in a process of its own."""
    os.environ["OMP_NUM_THREADS"] = "1"
    annotator = load_annotator(CONFIG)
    annotator.model = make_chat_model(
        "a-model", url, key_env=None, max_concurrent=MAX_CONCURRENT
    )
    annotator.settings = {"name": "a-model"}
    annotate_texts(annotator, lambda: texts, output)


def kill_again_and_again(
    server: RunningServer,
    texts: list[tuple[str, str]],
    output: Path,
    *,
    n_kills: int,
    seed: int = 0,
) -> Killed:
    """Kill annotators of one journal, then let the last one finish.

    server (RunningServer): Answers, and logs what it was asked.
    texts (list[tuple[str, str]]): The texts.
    output (Path): The journal.
    n_kills (int): Each at a random moment: before, while and after a reply is written.
    seed (int): Decides the moments.
    RETURNS (Killed): What was asked and kept.
    """
    rng = random.Random(seed)
    # Imports everything once; each annotator is a fork of it
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.annotate.killing"])
    kept, n_open, done = [], [], set[str]()
    n_seen = n_again = 0
    for _ in range(n_kills):
        process = context.Process(target=annotate, args=(server.url, texts, output))
        process.start()
        share = len(texts) // (n_kills + 1)
        wait_for(server, n_seen + rng.randint(0, share), process)
        time.sleep(rng.uniform(0, 0.05))
        if not process.is_alive():
            raise RuntimeError(
                f"finished or failed before the kill: {process.exitcode}"
            )
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        time.sleep(0.3)  # what the server still had open gets its line
        asked = [line["prompt"] for line in server.requests()[n_seen:]]
        n_again += len(done & set(asked))
        n_seen += len(asked)
        done = get_done(output)
        kept.append(len(done))
        n_open.append(len(set(asked) - done))
    process = context.Process(target=annotate, args=(server.url, texts, output))
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 0
    requests = server.requests()
    asked = [line["prompt"] for line in requests[n_seen:]]
    n_again += len(done & set(asked))
    answered = Counter(r["prompt"] for r in requests if r["status"] == "200")
    n_twice = sum(n > 1 for n in answered.values())
    return Killed(len(texts), n_kills, kept, len(requests), n_again, n_open, n_twice)


def wait_for(server: RunningServer, n_requests: int, process: Any) -> None:
    """Wait until the server has answered so many requests."""
    deadline = time.monotonic() + PATIENCE
    while len(server.requests()) < n_requests and process.is_alive():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{n_requests} requests did not come")
        time.sleep(0.005)


def get_done(output: Path) -> set[str]:
    """The hashes of the prompts that have a reply."""
    if not output.exists():
        return set()
    return {r.prompt_sha256 for r in read_journal(output) if r.response is not None}


def get_content(output: Path) -> list[tuple[Any, ...]]:
    """A journal without what differs from run to run: times and numbers of tries."""
    rows = read_journal(output)
    return [tuple(row._replace(time="", seconds=0.0, n_tries=0)) for row in rows]
