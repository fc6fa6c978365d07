"""Ways to ask the local server of the tests, and what its log says."""

import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from common import ROOT
from probes import read_memory
from texts import read_sentences

from spacy_nuner.annotate.annotator import load_annotator
from spacy_nuner.annotate.chat.model import make_chat_model
from spacy_nuner.annotate.run import annotate_texts
from spacy_nuner.annotate.task import DEFAULT_TEMPLATE

if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from tests.annotate.running import RunningServer

CONFIG = ROOT / "configs" / "paper" / "annotate.cfg"
# The storm of faults, shares of all tries
STORM = {"429": 0.10, "500": 0.05, "broken": 0.02, "malformed": 0.01, "hang": 0.01}
RETRY_AFTER = 1.0  # seconds
MAX_REQUEST_TIME = 5.0  # seconds until a request that hangs is given up
N_CONCURRENT = 64


@contextmanager
def start_server(log: Path, **settings: Any) -> Iterator[RunningServer]:
    """Start the local server for as long as the context lasts.

    log (Path): File that gets a line for each request.
    settings (Any): Options of `tests/annotate/server.py`.
    YIELDS (RunningServer): The server.
    """
    log.unlink(missing_ok=True)
    server = RunningServer(log, **settings)
    try:
        yield server
    finally:
        server.stop()


def make_prompts(n: int) -> Iterator[str]:
    """YIELDS (str): Prompts of the paper's template; none comes twice."""
    template = DEFAULT_TEMPLATE.read_text(encoding="utf8")
    sentences = read_sentences(2000)
    for i in range(n):
        yield template.replace("{{ text }}", f"{sentences[i % 2000]} ({i})")


def ask_chat(url: str, n: int) -> dict[str, Any]:
    """Ask through `spacy-nuner.Chat.v1`.

    url (str): The server.
    n (int): Prompts.
    RETURNS (dict[str, Any]): Time, CPU time and memory of this process, and how many
        prompts got no reply.
    """
    model = make_chat_model(
        "tiny",
        base_url=url,
        key_env=None,
        max_concurrent=N_CONCURRENT,
        max_request_time=MAX_REQUEST_TIME,
    )
    return _watch(model.stream(make_prompts(n)), n)


def ask_through_journal(url: str, n: int, folder: Path) -> dict[str, Any]:
    """Ask as `spacy-nuner annotate` does, with its journal.

    url (str): The server.
    n (int): Texts.
    folder (Path): Where the journal goes.
    RETURNS (dict[str, Any]): As `ask_chat`.
    """
    overrides = {
        "components.llm.model.base_url": url,
        "components.llm.model.key_env": None,
        "components.llm.model.max_concurrent": N_CONCURRENT,
    }
    annotator = load_annotator(CONFIG, overrides)
    sentences = read_sentences(2000)

    def texts() -> Iterator[tuple[str, str]]:
        for i in range(n):
            yield str(i), f"{sentences[i % 2000]} ({i})"

    start, before = time.perf_counter(), _cpu_seconds()
    result = annotate_texts(annotator, texts, folder / "journal.sqlite")
    return {
        "n": n,
        "n_failed": n - result.tally.n_asked,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": _cpu_seconds() - before,
        **read_memory(),
    }


def ask_rest(url: str, n: int) -> dict[str, Any]:
    """Ask through spacy-llm's own model, whose check at api.openai.com is left out.

    url (str): The server.
    n (int): Prompts.
    RETURNS (dict[str, Any]): Time and CPU time of this process.
    """
    from spacy_llm.models.rest.openai.model import OpenAI

    class Local(OpenAI):
        def _verify_auth(self) -> None:
            """The local server has no list of models."""

    os.environ["OPENAI_API_KEY"] = "none"
    model = Local(
        "tiny",
        f"{url}/chat/completions",
        config={},
        strict=True,
        max_tries=5,
        interval=1.0,
        max_request_time=30.0,
        context_length=None,
    )
    start, before = time.perf_counter(), _cpu_seconds()
    replies = list(model([prompt] for prompt in make_prompts(n)))
    return {
        "n": len(replies),
        "seconds": time.perf_counter() - start,
        "cpu_seconds": _cpu_seconds() - before,
    }


def explain_storm(log: Path) -> dict[str, Any]:
    """Find in the log of a storm what the server itself has cost.

    log (Path): The server's log.
    RETURNS (dict[str, Any]): Requests by status; prompts asked again after their reply;
        and the seconds that the server's faults explain: the time that tries without a
        reply have held the places, and the waits of the prompt that had to wait
        longest, since there may be nothing else to do then.
    """
    statuses: dict[str, int] = defaultdict(int)
    waits: dict[str, float] = defaultdict(float)
    answered: dict[str, int] = defaultdict(int)
    held = 0.0
    for line in log.read_text(encoding="utf8").splitlines():
        request = json.loads(line)
        status, prompt = request["status"], request["prompt"]
        statuses[status] += 1
        if status == "200":
            answered[prompt] += 1
            continue
        seconds = request["end"] - request["start"]
        if status == "hang":
            seconds = MAX_REQUEST_TIME
        held += seconds
        waits[prompt] += seconds + (RETRY_AFTER if status == "429" else 0.0)
    longest = max(waits.values(), default=0.0)
    return {
        "statuses": dict(statuses),
        "n_answered": len(answered),
        "n_answered_twice": sum(times > 1 for times in answered.values()),
        "seconds_held": held / N_CONCURRENT,
        "seconds_longest_wait": longest,
        "seconds_explained": held / N_CONCURRENT + longest,
    }


def _watch(answers: Iterable[tuple[int, Any]], n: int) -> dict[str, Any]:
    """Take answers and look at the clock and the memory."""
    start, before = time.perf_counter(), _cpu_seconds()
    memory, n_failed = [], 0
    look_at = random.Random(0).randrange(n // 20 + 1)
    for i, (_, answer) in enumerate(answers):
        n_failed += answer.response is None
        if i % (n // 20 + 1) == look_at:
            memory.append(read_memory()["mib_private"])
    fifth = max(1, len(memory) // 5)
    return {
        "n": n,
        "n_failed": n_failed,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": _cpu_seconds() - before,
        "mib_early": median(memory[fifth : 2 * fifth] or memory),
        "mib_late": median(memory[-fifth:]),
    }


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system
