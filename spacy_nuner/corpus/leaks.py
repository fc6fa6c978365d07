"""Whether a concept corpus holds sentences, or labels, of the test sets."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .reader import read_docs
from .split import PARTS
from .texts.protection import find_leak, load_protected
from .texts.words import fold_words

N_SHOWN = 10


class Leaks(NamedTuple):
    """What was found."""

    n_words: int  # of the n-grams that are compared
    n_sentences: int  # of the corpus
    test_sets: list[str]
    by_set: dict[str, int]  # sentences that share an n-gram with a test set
    examples: list[tuple[str, str]]  # test set, shared words
    # By data set, label: mentions of the concept of this name; with 0 left out
    labels: dict[str, dict[str, int]]

    @property
    def n_leaks(self) -> int:
        """RETURNS (int): Sentences of the corpus that share words with a test set."""
        return sum(self.by_set.values())


def find_leaks(
    corpus: Path,
    test_data: Sequence[Path],
    *,
    concepts: Mapping[str, int],
    labels: Mapping[str, Iterable[str]],
    n_words: int = 8,
) -> Leaks:
    """Look for runs of words that a corpus shares with test sets.

    corpus (Path): Folder of the concept corpus.
    test_data (Sequence[Path]): Folders with `test.spacy` in them.
    concepts (Mapping[str, int]): Mentions of each concept.
    labels (Mapping[str, Iterable[str]]): Labels in plain words, by data set.
    n_words (int): Words of a run; of a shorter sentence all count.
    RETURNS (Leaks): What was found, sentence by sentence.
    """
    protected = load_protected(test_data, n_words=n_words)
    by_set: Counter[str] = Counter()
    examples: list[tuple[str, str]] = []
    n_sentences = 0
    for part in PARTS:
        for doc in read_docs(corpus / part, None):
            n_sentences += 1
            leak = find_leak(fold_words(doc.text), protected)
            if leak is None:
                continue
            by_set[leak.test_set] += 1
            if len(examples) < N_SHOWN:
                examples.append((leak.test_set, leak.words))
    known = {
        name: {
            text: concepts[text.lower()] for text in texts if text.lower() in concepts
        }
        for name, texts in labels.items()
    }
    return Leaks(
        n_words,
        n_sentences,
        sorted(set(protected.names)),
        dict(by_set.most_common()),
        examples,
        {name: found for name, found in known.items() if found},
    )
