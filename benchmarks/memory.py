"""Memory of the process while a long stream of documents goes through `nlp.pipe`."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import spacy
from common import find_versions, machine_line, make_table
from texts import read_sentences

STATUS = Path("/proc/self/status")
# Words of a document
SHORT = (4, 16)
SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 1.0)
MIB = 1024


def read_rss() -> float:
    """RETURNS (float): Memory of this process in MiB (Linux)."""
    lines = STATUS.read_text("utf8").splitlines()
    found = next(line for line in lines if line.startswith("VmRSS:"))
    return int(found.split()[1]) / MIB


def stream_texts(n: int, seed: int = 0) -> Iterator[str]:
    """Make short documents of the sample's words, no two alike as a rule.

    New words would fill spaCy's store of strings, which never shrinks and is not what
    is measured here.

    n (int): How many.
    seed (int): Decides where they are cut.
    YIELDS (str): The documents.
    """
    rng = random.Random(seed)
    words = " ".join(read_sentences(2000)).split()
    for _ in range(n):
        size = rng.randint(*SHORT)
        start = rng.randrange(max(1, len(words) - size))
        yield " ".join(words[start : start + size])


def measure_memory(folder: Path, n_docs: int) -> dict[str, Any]:
    """Send documents through a pipeline and look at the memory now and then.

    folder (Path): The saved pipeline.
    n_docs (int): How many documents.
    RETURNS (dict[str, Any]): MiB after so many documents.
    """
    nlp = spacy.load(folder)
    marks = sorted({max(1, round(share * n_docs)) for share in SHARES})
    before = read_rss()
    rows = []
    for i, doc in enumerate(nlp.pipe(stream_texts(n_docs)), start=1):
        if i in marks:
            rows.append({"n_docs": i, "mib": round(read_rss(), 1)})
        del doc
    growth = rows[-1]["mib"] - rows[1 if len(rows) > 1 else 0]["mib"]
    return {
        "versions": find_versions(("torch", "spacy", "spacy-transformers")),
        "mib_before": round(before, 1),
        "rows": rows,
        "mib_growth": round(growth, 1),
    }


def memory_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    header = ("documents", *(f"{row['n_docs']:,}" for row in result["rows"]))
    row = ("memory in MiB", *(f"{row['mib']:,.0f}" for row in result["rows"]))
    note = f"`{result['command']}`, {machine_line(result)}"
    return [*make_table(header, [row]), "", note]
