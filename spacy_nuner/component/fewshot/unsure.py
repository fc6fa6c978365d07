"""The sentences that a model is least sure of: what to annotate or look at next."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from spacy.training import Example

from .confusion import NONE
from .predict import Prediction

# A sentence is as sure as its least sure words, so many of them
N_WORDS = 3
# Doubts of a sentence that are named
N_DOUBTS = 2


class Doubt(NamedTuple):
    """A word and the two labels that it is most likely of."""

    word: str
    first: str
    p_first: float
    second: str
    p_second: float


class Unsure(NamedTuple):
    """A sentence and how sure the model is of it."""

    sentence: int  # its index
    sureness: float  # 0: a coin is thrown, 1: no doubt
    doubts: list[Doubt]  # the greatest first


class Contradiction(NamedTuple):
    """A word for which the annotation says what the model holds for unlikely."""

    sentence: int  # its index
    word: str
    gold: str
    p_gold: float
    predicted: str
    p_predicted: float


def rank(predictions: Sequence[Prediction], labels: Sequence[str]) -> list[Unsure]:
    """Rank sentences, the least sure first.

    The margin of a word is the probability of its most likely label minus that of the
    next; the sureness of a sentence is the mean of its three smallest margins, so that
    long sentences are not unsure only for having more words.

    predictions (Sequence[Prediction]): From `predict.predict`.
    labels (Sequence[str]): The pipe's labels.
    RETURNS (list[Unsure]): Sentences with a word, all of them.
    """
    names = [NONE, *labels]
    found = []
    for index, (doc, probs) in enumerate(predictions):
        words = [token.i for token in doc if not token.is_space]
        if not words or probs.shape[1] < 2:
            continue
        order = np.argsort(-probs[words], axis=1)[:, :2]  # (n_words, 2)
        best = np.take_along_axis(probs[words], order, axis=1)
        margins = best[:, 0] - best[:, 1]
        least = np.argsort(margins, kind="stable")[:N_WORDS]
        doubts = [
            Doubt(
                doc[words[i]].text,
                names[order[i, 0]],
                float(best[i, 0]),
                names[order[i, 1]],
                float(best[i, 1]),
            )
            for i in least[:N_DOUBTS]
        ]
        found.append(Unsure(index, float(margins[least].mean()), doubts))
    return sorted(found, key=lambda unsure: unsure.sureness)


def find_contradictions(
    predictions: Sequence[Prediction],
    examples: Sequence[Example],
    labels: Sequence[str],
) -> list[Contradiction]:
    """Find annotations that a model which has not seen them holds for unlikely.

    Some are its mistakes, others are slips of the annotation: the top of the list is
    where to look. One word per sentence is named, the least likely.

    predictions (Sequence[Prediction]): Of held-out sentences.
    examples (Sequence[Example]): The same sentences with their gold.
    labels (Sequence[str]): The pipe's labels.
    RETURNS (list[Contradiction]): The least likely annotation first.
    """
    names = [NONE, *labels]
    found = []
    pairs = zip(predictions, examples, strict=True)
    for index, ((doc, probs), eg) in enumerate(pairs):
        worst: Contradiction | None = None
        for token, biluo in zip(doc, eg.get_aligned_ner(), strict=True):
            if biluo in (None, "-", "") or token.is_space:
                continue
            gold = NONE if biluo == "O" else biluo[2:]
            row = probs[token.i]
            best = int(row.argmax())
            if gold not in names or names[best] == gold:
                continue
            p_gold = float(row[names.index(gold)])
            if worst is None or p_gold < worst.p_gold:
                p = float(row[best])
                worst = Contradiction(index, token.text, gold, p_gold, names[best], p)
        if worst is not None:
            found.append(worst)
    return sorted(found, key=lambda item: item.p_gold)
