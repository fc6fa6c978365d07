"""A journal of replies of any size: the sample's, repeated and perturbed."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import ROOT

SAMPLE = ROOT / "assets" / "sample" / "annotated.jsonl"
SEPARATOR = " <> "
# Lines of a reply that get another entity, in the text too
N_CHANGED = (1, 2, 3)
# Shares of words that no text has had before, and of lines with another concept
NEW_WORD, OTHER_CONCEPT = 0.01, 0.06
# Slips of a language model: shares of numbered replies, lines in lower case, inventions
NUMBERED, LOWER, INVENTED = 0.05, 0.03, 0.01


def write_journal(path: Path, n: int, *, sample: Path = SAMPLE, seed: int = 0) -> Path:
    """Write a journal as `spacy-nuner annotate` exports it.

    path (Path): The file, JSONL.
    n (int): Replies.
    sample (Path): Recorded replies to repeat.
    seed (int): Decides what becomes of them.
    RETURNS (Path): The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.tmp")
    with beside.open("w", encoding="utf8", newline="\n") as file:
        for record in perturb(sample, n, seed=seed):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return beside.rename(path)


def perturb(sample: Path, n: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Repeat replies, none of them twice to the same text as a rule.

    An entity that becomes another one does so in the text and in the reply, so that it
    can still be placed.

    sample (Path): Recorded replies.
    n (int): Replies to make.
    seed (int): Decides what becomes of them.
    YIELDS (dict[str, Any]): Records of a journal.
    """
    rng = random.Random(seed)
    with sample.open(encoding="utf8") as file:
        records = [json.loads(line) for line in file]
    replies = [
        [line.split(SEPARATOR) for line in record["response"].split("\n")]
        for record in records
    ]
    entities = [fields[0] for reply in replies for fields in reply]
    parts = [part for reply in replies for f in reply for part in f[1].split()]
    for i in range(n):
        number = i % len(records)
        text = _renew_words(records[number]["text"], rng)
        lines = [list(fields) for fields in replies[number]]
        n_changed = min(rng.choice(N_CHANGED), len(lines))
        for k in rng.sample(range(len(lines)), n_changed):
            other = rng.choice(entities)
            text = text.replace(lines[k][0], other, 1)
            lines[k][0] = other
        for fields in lines:
            if rng.random() < OTHER_CONCEPT:
                fields[1] = f"{rng.choice(parts)} {rng.choice(parts)}"
        yield {
            "key": f"{seed}-{i}",
            "model": "sample",
            "prompt_sha256": "0" * 64,
            "id": f"text-{i}",
            "text": text,
            "response": _slip(lines, entities, rng),
        }


def _renew_words(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    return " ".join(
        f"{word}{rng.randrange(10**6)}" if rng.random() < NEW_WORD else word
        for word in words
    )


def _slip(lines: list[list[str]], entities: list[str], rng: random.Random) -> str:
    """RETURNS (str): The reply, as a language model might have written it."""
    for fields in lines:
        draw = rng.random()
        if draw < INVENTED:
            fields[0] = rng.choice(entities)
        elif draw < INVENTED + LOWER:
            fields[0] = fields[0].lower()
    joined = [SEPARATOR.join(fields) for fields in lines]
    if rng.random() < NUMBERED:
        joined = [f"{k}. {line}" for k, line in enumerate(joined, start=1)]
    return "\n".join(joined)
