"""A concept corpus of any size: the sample's sentences, repeated and perturbed."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common import ROOT
from spacy.lang.en import English
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.corpus.registries import settled_registries

SAMPLE = ROOT / "corpus" / "concepts" / "train"
CONCEPTS = "concepts"
SHARD_SIZE = 10_000
# Shares of words that become another word, or one that no text has had before
OTHER, NEW = 0.1, 0.01
# Share of mentions whose concept gets another word
OTHER_CONCEPT = 0.06


class Sentence(NamedTuple):
    """A sentence of the sample."""

    words: list[str]
    spaces: list[bool]
    spans: list[tuple[int, int, str]]  # first token, behind the last, concept


def read_sample(path: Path) -> list[Sentence]:
    """Read the sentences to repeat.

    path (Path): Training part of a concept corpus.
    RETURNS (list[Sentence]): The sentences.
    """
    return [
        Sentence(
            [token.text for token in doc],
            [bool(token.whitespace_) for token in doc],
            [(span.start, span.end, span.label_) for span in doc.spans[CONCEPTS]],
        )
        for doc in read_docs(path, English().vocab)
    ]


def perturb(sentences: list[Sentence], n: int, seed: int) -> Iterator[Sentence]:
    """Repeat sentences, none of them twice the same as a rule.

    sentences (list[Sentence]): The sample.
    n (int): Sentences to make.
    seed (int): Decides what becomes of them.
    YIELDS (Sentence): The sentences.
    """
    rng = random.Random(seed)
    words = [word for sentence in sentences for word in sentence.words]
    parts = [part for s in sentences for _, _, c in s.spans for part in c.split()]
    for i in range(n):
        sentence = sentences[i % len(sentences)]
        changed = list(sentence.words)
        for k, word in enumerate(changed):
            draw = rng.random()
            if draw < NEW:
                changed[k] = f"{word}{rng.randrange(10**6)}"
            elif draw < OTHER:
                changed[k] = rng.choice(words)
        spans = []
        for start, end, concept in sentence.spans:
            if rng.random() < OTHER_CONCEPT:
                names = concept.split()
                names[rng.randrange(len(names))] = rng.choice(parts)
                concept = " ".join([*names, rng.choice(parts)][: max(2, len(names))])
            spans.append((start, end, concept))
        yield Sentence(changed, sentence.spaces, spans)


def write_part(path: Path, sample: Path, n: int, seed: int) -> float:
    """Write a part of a concept corpus, as `spacy-nuner corpus` does it.

    path (Path): Folder to make.
    sample (Path): Training part of the concept corpus to repeat.
    n (int): Sentences.
    seed (int): Decides what becomes of them.
    RETURNS (float): Seconds.
    """
    start = time.perf_counter()
    beside = path.with_name(f"{path.name}.tmp")
    beside.mkdir(parents=True, exist_ok=True)
    made = perturb(read_sample(sample), n, seed)
    for shard in range(-(-n // SHARD_SIZE)):
        # A new one each time, since it keeps all words that it has seen
        vocab = Vocab()
        docs = DocBin(attrs=["ORTH"])
        with settled_registries():
            for _ in range(min(SHARD_SIZE, n - shard * SHARD_SIZE)):
                docs.add(_make_doc(vocab, next(made)))
            docs.to_disk(beside / f"{shard:05d}.spacy")
    beside.rename(path)
    return time.perf_counter() - start


def _make_doc(vocab: Vocab, sentence: Sentence) -> Doc:
    doc = Doc(vocab, words=sentence.words, spaces=sentence.spaces)
    doc.spans[CONCEPTS] = [
        Span(doc, start, end, label=concept) for start, end, concept in sentence.spans
    ]
    return doc
