"""Texts of mixed lengths from the sample, and its few-shot sets."""

import json
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
import spacy
from common import ROOT
from spacy.tokens import Doc, DocBin

from spacy_nuner.evaluate.data import make_gold
from spacy_nuner.evaluate.sampling import count_runs, sample

SENTENCES = ROOT / "assets" / "sample" / "annotated.jsonl"
# Sentences of a longer document
LONG = (5, 25)


class Texts(NamedTuple):
    """The same words twice: as documents, and cut into their sentences."""

    documents: list[str]
    sentences: list[str]

    @property
    def n_words(self) -> int:
        """Words between white space."""
        return sum(len(text.split()) for text in self.documents)

    @property
    def share_long(self) -> float:
        """Share of the words that is in documents of several sentences."""
        known = set(self.sentences)
        long = [text for text in self.documents if text not in known]
        return sum(len(text.split()) for text in long) / self.n_words


def read_sentences(n: int, path: Path = SENTENCES) -> list[str]:
    """Read the first sentences of the sample.

    n (int): How many.
    path (Path): JSONL of {"text"}.
    RETURNS (list[str]): The sentences.
    """
    with path.open(encoding="utf8") as file:
        texts = [json.loads(line)["text"] for line, _ in zip(file, range(n))]  # noqa: B905
    return [" ".join(text.split()) for text in texts]


def make_texts(n_sentences: int, *, share_long: float = 0.25, seed: int = 0) -> Texts:
    """Make documents of one sentence and, from a share of the sentences, longer ones.

    n_sentences (int): Sentences altogether.
    share_long (float): Share of them that is joined to longer documents.
    seed (int): Decides how they are mixed.
    RETURNS (Texts): The documents in random order, and their sentences.
    """
    rng = random.Random(seed)
    rest = read_sentences(n_sentences)
    n_short = round(len(rest) * (1 - share_long))
    parts = [[sentence] for sentence in rest[:n_short]]
    rest = rest[n_short:]
    while rest:
        size = rng.randint(*LONG)
        parts.append(rest[:size])
        rest = rest[size:]
    rng.shuffle(parts)
    return Texts(
        [" ".join(part) for part in parts], [s for part in parts for s in part]
    )


class FewShot(NamedTuple):
    """A k~2k set of a pool and what is left of the pool. No test file is opened."""

    name: str
    labels: list[str]
    train: list[Doc]
    rest: list[Doc]


def draw_few_shot(folder: Path, k: int, *, seed: int, most: int = 500) -> FewShot:
    """Draw a training set from the pool of a data set.

    folder (Path): From `spacy-nuner convert`.
    k (int): Least number of mentions of each type.
    seed (int): Seed of the draw.
    most (int): Sentences taken of what is left.
    RETURNS (FewShot): The set.
    RAISES (ValueError): If the pool holds no such set.
    """
    labels = json.loads((folder / "meta.json").read_text(encoding="utf8"))["labels"]
    file = folder / "pool.spacy"
    docs = list(DocBin().from_disk(file).get_docs(spacy.blank("en").vocab))
    gold = make_gold(docs, labels, source=str(file))
    draw = sample(count_runs(gold.types, gold.lengths, len(labels)), k, seed=seed)
    if draw is None:
        raise ValueError(f"The pool of '{folder}' has no set of k = {k}")
    left = sorted(set(range(len(docs))) - set(draw.indices))
    left = np.random.default_rng(seed).permutation(left)[:most].tolist()
    train = [docs[i] for i in draw.indices]
    return FewShot(folder.name, labels, train, [docs[i] for i in left])


def write_docs(docs: list[Doc], path: Path) -> Path:
    """RETURNS (Path): The file with the docs, in spaCy's format."""
    DocBin(docs=docs).to_disk(path)
    return path
