"""Memory, time and size of the annotator and its journal over many prompts.

    python benchmarks/annotate_memory.py

The model answers at once, in this process, so what is measured is ours: texts, prompts,
keys, rows. Writes reports/benchmarks/annotate_memory.json.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import typer
from common import (
    REPORTS,
    ROOT,
    describe_machine,
    find_versions,
    read_command,
    write_json,
)
from probes import alone, read_memory
from texts import read_sentences
from wasabi import msg

from spacy_nuner.annotate.annotator import load_annotator
from spacy_nuner.annotate.answers import Answer, Usage
from spacy_nuner.annotate.journal.progress import get_status
from spacy_nuner.annotate.run import annotate_texts
from spacy_nuner.corpus.sources import count_replies, read_replies

CONFIG = ROOT / "configs" / "tiny" / "annotate.cfg"
GOALS = {"mib_growth": 20.0, "cpu_ms": 3.0}
N_OPEN = 64
VERSIONS = ("spacy", "spacy-llm")


class Instant:
    """Answers when 64 prompts are open, and remembers how large the process was."""

    def __init__(self, n: int) -> None:
        self.memory: list[float] = []
        self._every = max(1, n // 40)

    def stream(self, prompts: Iterable[str]) -> Iterator[tuple[int, Answer]]:
        """Answer the oldest prompt when there are enough."""
        waiting: list[tuple[int, str]] = []
        for number, prompt in enumerate(prompts):
            if number % self._every == 0:
                self.memory.append(read_memory()["mib_private"])
            waiting.append((number, prompt[-300:]))
            if len(waiting) == N_OPEN:
                yield self._answer(*waiting.pop(0))
        for found in waiting:
            yield self._answer(*found)

    @staticmethod
    def _answer(number: int, text: str) -> tuple[int, Answer]:
        return number, Answer(f"{text} <> text <> a reply", usage=Usage(150, 80))


def main(
    n: int = typer.Option(200_000, "--texts", min=1000),
    output: Path = typer.Option(REPORTS / "annotate_memory.json"),
) -> None:
    """Annotate, look on, start again, read."""
    head = {"command": read_command(), "machine": describe_machine()}
    with tempfile.TemporaryDirectory() as temp:
        path = Path(temp) / "replies.sqlite"
        rows = {
            "asked": alone(annotate, n, path),
            "again": alone(annotate, n, path),
            "read": alone(read, path),
        }
        size = path.stat().st_size
    asked = rows["asked"]
    figures = {
        "mib_growth": round(asked["mib_late"] - asked["mib_early"], 1),
        "cpu_ms": round(1000 * asked["cpu_seconds"] / n, 3),
        "cpu_ms_again": round(1000 * rows["again"]["cpu_seconds"] / n, 3),
        "bytes_per_reply": round(size / n),
    }
    result = head | {
        "versions": find_versions(VERSIONS),
        "n": n,
        "rows": rows,
        "figures": figures,
        "goals": GOALS,
        "met": {name: figures[name] <= goal for name, goal in GOALS.items()},
    }
    write_json(output, result)
    for name, figure in {**figures, **rows["read"]}.items():
        msg.text(f"{name}: {figure}")
    msg.good(f"Figures are in {output}")


def annotate(n: int, path: Path) -> dict[str, Any]:
    """Annotate texts whose words are new again and again.

    n (int): Texts.
    path (Path): The journal.
    RETURNS (dict[str, Any]): Time and memory of this process.
    """
    annotator = load_annotator(CONFIG)
    annotator.model = model = Instant(n)
    sentences = read_sentences(2000)

    def texts() -> Iterator[tuple[str, str]]:
        for i in range(n):
            yield str(i), f"{sentences[i % 2000]} Number{i} is new{i * 7}."

    start, before = time.perf_counter(), time.process_time()
    result = annotate_texts(annotator, texts, path)
    memory = model.memory or [read_memory()["mib_private"]]
    fifth = max(1, len(memory) // 5)
    return {
        "n_asked": result.tally.n_asked,
        "n_before": result.tally.n_before,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - before,
        "mib_early": median(memory[fifth : 2 * fifth] or memory),
        "mib_late": median(memory[-fifth:]),
        "mib": memory,
    }


def read(path: Path) -> dict[str, float]:
    """RETURNS (dict[str, float]): Seconds to look at the journal and to read it."""
    seconds = {}
    start = time.perf_counter()
    get_status(path)
    seconds["seconds_status"] = time.perf_counter() - start
    start = time.perf_counter()
    n = count_replies(path)
    seconds["seconds_count"] = time.perf_counter() - start
    start = time.perf_counter()
    sum(1 for _ in read_replies(path, start=n - 1000))
    seconds["seconds_last_1000"] = time.perf_counter() - start
    start = time.perf_counter()
    sum(1 for _ in read_replies(path))
    seconds["seconds_read"] = time.perf_counter() - start
    return {name: round(value, 3) for name, value in seconds.items()}


if __name__ == "__main__":
    typer.run(main)
