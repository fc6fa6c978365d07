"""Training sets -> conversations for UniversalNER's trainer (paper, appendix A.2).

The format of its `train.json`: a list of `{"id", "conversations"}`, turns of "human"
and "gpt". A passage is read first, then each type is a question; the answer is a JSON
list, empty for a type that does not occur.
"""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import srsly

from ..errors import Errors
from .cells import write_json
from .data import Gold
from .phrases import Phrase

READ = "I've read this text."


class Turns(NamedTuple):
    """How a passage becomes a conversation."""

    phrases: dict[str, Phrase]  # by label: what the question calls it
    dataset: str | None = None  # for the data-set-specific template
    n_negatives: int | None = None  # types that don't occur, per text; None: all
    seed: int = 0


def make_conversations(
    gold: Gold, indices: Iterable[int], turns: Turns, *, source: str
) -> list[dict[str, Any]]:
    """Make a conversation of each sentence.

    All types are asked by default: in few-shot NER the types are known, and nothing
    else is ever asked. Which types that do not occur are left out, and the order of
    the questions, depend on seed and text alone.

    gold (Gold): The sentences, such as the pool of a data set.
    indices (Iterable[int]): The sentences of the training set.
    turns (Turns): How to ask.
    source (str): Name of the data set, for the ids.
    RETURNS (list[dict[str, Any]]): Records of the trainer.
    """
    records = []
    for index in indices:
        doc = gold.docs[index]
        text = doc.text.rstrip()
        answers: dict[str, list[str]] = {label: [] for label in turns.phrases}
        for ent in doc.ents:
            # strings, not places: a second mention of a string says nothing new
            if ent.text not in answers[ent.label_]:
                answers[ent.label_].append(ent.text)
        labels = _choose(answers, turns, text)
        passage = f"Text: {text}"
        if turns.dataset is not None:
            passage = f"Dataset: {turns.dataset}\n{passage}"
        conversation = [_turn("human", passage), _turn("gpt", READ)]
        for label in labels:
            question = f"What describes {turns.phrases[label].name} in the text?"
            answer = json.dumps(answers[label], ensure_ascii=False)
            conversation += [_turn("human", question), _turn("gpt", answer)]
        records.append({"id": f"{source}_{index}", "conversations": conversation})
    return records


def _choose(answers: dict[str, list[str]], turns: Turns, text: str) -> list[str]:
    """Labels to ask about, in an order that gives nothing away."""
    rng = random.Random(f"{turns.seed}/{text}")
    there = [label for label, strings in answers.items() if strings]
    others = [label for label, strings in answers.items() if not strings]
    if turns.n_negatives is not None:
        others = rng.sample(others, min(turns.n_negatives, len(others)))
    chosen = [*there, *others]
    rng.shuffle(chosen)
    return chosen


def _turn(who: str, value: str) -> dict[str, str]:
    return {"from": who, "value": value}


def write_conversations(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write conversations.

    path (Path): ".json": a list, which UniversalNER's trainer reads; ".jsonl": a line
        for each.
    records (Sequence[dict[str, Any]]): From `make_conversations`.
    RAISES (ValueError): For another ending.
    """
    if path.suffix == ".json":
        write_json(path, list(records))
    elif path.suffix == ".jsonl":
        path.parent.mkdir(parents=True, exist_ok=True)
        srsly.write_jsonl(path, records)
    else:
        raise ValueError(Errors.N583.format(got=path.name))
