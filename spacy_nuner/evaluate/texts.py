"""Text-level set F1 (UniversalNER): strings found in a sentence, not places.

For each sentence and type the answer is a set of strings: where in the sentence they
stand and how often does not matter. docs/evaluation.md says what that hides.
"""

import re
import string

import numpy as np

from .data import Gold
from .metrics import Counts, Ints

ARTICLES = re.compile(r"\b(a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower case, without ASCII punctuation, English articles and spare white space.

    The published rule in its published order: "a.m." becomes "am", "A+" nothing.

    text (str): String of an entity.
    RETURNS (str): What is compared.
    """
    text = text.lower().translate(NO_PUNCTUATION)
    return " ".join(ARTICLES.sub(" ", text).split())


class Texts:
    """Strings of the entities of one set of sentences, each normalised once."""

    def __init__(self, gold: Gold) -> None:
        """Set up.

        gold (Gold): The sentences, with their documents.
        """
        self._docs = gold.docs
        self._offsets = gold.offsets
        self._n_tokens = len(gold.types)
        # Places that were looked at, in order, and the number of the string there
        self._places = np.zeros(0, dtype="int64")
        self._ids = np.zeros(0, dtype="int64")
        self._by_text: dict[str, int] = {}

    def keys(self, spans: Ints, n_types: int) -> tuple[Ints, Ints]:
        """The set of answers.

        spans (Ints): Rows (start, end, type).
        n_types (int): Number of types.
        RETURNS (tuple[Ints, Ints]): One number for each different (string, sentence,
            type), sorted; and (sentence, type - 1) of each as one number.
        """
        rows = np.searchsorted(self._offsets, spans[:, 0], side="right") - 1
        ids = self._look_up(spans, rows)
        cells = rows * n_types + spans[:, 2] - 1
        n_cells = len(self._docs) * n_types
        keys = np.unique(ids * n_cells + cells)
        return keys, keys % max(n_cells, 1)

    def _look_up(self, spans: Ints, rows: Ints) -> Ints:
        places = spans[:, 0] * (self._n_tokens + 1) + spans[:, 1]
        new, first = np.unique(places, return_index=True)
        unknown = ~np.isin(new, self._places)
        if unknown.any():
            picked = first[unknown]
            found = [
                self._find(start, end, row)
                for (start, end), row in zip(
                    spans[picked, :2].tolist(), rows[picked].tolist(), strict=True
                )
            ]
            both = np.concatenate([self._places, new[unknown]])
            order = np.argsort(both)
            self._places = both[order]
            self._ids = np.concatenate([self._ids, found])[order]
        return self._ids[np.searchsorted(self._places, places)]

    def _find(self, start: int, end: int, row: int) -> int:
        first = int(self._offsets[row])
        text = normalize_answer(self._docs[row][start - first : end - first].text)
        return self._by_text.setdefault(text, len(self._by_text))


def count_texts(texts: Texts, gold: Ints, predicted: Ints, n_types: int) -> Counts:
    """Count answers by type.

    texts (Texts): Strings of the sentences.
    gold (Ints): Gold entities, rows (start, end, type).
    predicted (Ints): Predicted entities.
    n_types (int): Number of types.
    RETURNS (Counts): Counts of the types 1 … n_types.
    """
    wanted, gold_cells = texts.keys(gold, n_types)
    found, cells = texts.keys(predicted, n_types)
    hits = cells[np.isin(found, wanted)]
    return Counts(
        *(
            np.bincount(part % n_types, minlength=n_types)
            for part in (hits, cells, gold_cells)
        )
    )
