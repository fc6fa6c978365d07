"""Read gold and predictions of any system: DocBin, JSONL, or a cell's own file."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..errors import Errors
from .data import Gold, load_part, make_gold
from .metrics import Ints
from .predictions import hash_gold, read_predictions
from .records import (
    ALLOWED,
    DOCBIN,
    Record,
    check_path,
    make_tokenizer,
    read_docbin,
    read_records,
    shorten,
)

N_AROUND = 20  # characters that are shown before the first one that differs


class Pair(NamedTuple):
    """Gold and prediction on the same words."""

    gold: Gold
    labels: list[str]  # of both; label i is type i + 1
    spans: Ints  # (n_entities, 3) predicted
    n_moved: int = 0  # predicted entities with an edge within a word, moved outward
    n_dropped: int = 0  # of these, which then lay on another entity
    sizes: list[int] | None = None  # sentences of each episode
    folder: Path | None = None  # of the data set


def read_pair(gold_path: Path, predicted_path: Path, *, lang: str = "en") -> Pair:
    """Read gold and predictions.

    gold_path (Path): Data set (folder with meta.json and test.spacy), .spacy or .jsonl.
    predicted_path (Path): .spacy, .jsonl, or the .npz of a cell of that data set.
    lang (str): Language whose tokenizer makes the words of a JSONL file.
    RETURNS (Pair): Both, entities in tokens of the gold.
    RAISES (ValueError): If a file can't be read, the gold has no entity or texts
        differ.
    RAISES (FileNotFoundError): If a file is not there.
    """
    if not gold_path.is_dir():
        check_path(gold_path, "gold")
    check_path(predicted_path, "predictions")
    if gold_path.is_dir():
        gold, labels = load_part(gold_path, "test")
        places = [f"document {i}" for i in range(1, len(gold.docs) + 1)]
        episodes: list[Any] = []
        folder: Path | None = gold_path
    else:
        docs, places, episodes = _read_docs(gold_path, lang=lang)
        labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
        gold, folder = make_gold(docs, labels, source=str(gold_path)), None
    _check_entities(gold, gold_path)
    if predicted_path.suffix == ".npz":
        if folder is None:
            what = "predictions of a cell"
            allowed = "a .npz together with the folder of its data set as gold"
            raise ValueError(
                Errors.N520.format(path=predicted_path, what=what, allowed=allowed)
            )
        spans = _read_cell(predicted_path, gold, labels)
        return Pair(gold, labels, spans, folder=folder)
    records = list(read_records(predicted_path))
    _check_texts(gold, places, records, paths=(gold_path, predicted_path))
    # An entity of a type that the gold doesn't have is wrong, not unheard
    told = {entity[2] for record in records for entity in record.entities}
    labels = [*labels, *sorted(told - set(labels))]
    spans, n_moved, n_dropped = _place(gold, records, labels)
    sizes = _group(episodes) if any(e is not None for e in episodes) else None
    return Pair(gold, labels, spans, n_moved, n_dropped, sizes, folder)


def _read_cell(path: Path, gold: Gold, labels: Sequence[str]) -> Ints:
    found = read_predictions(path)
    if found.gold_sha256 != hash_gold(gold, labels):
        problem = "it was made on another test set or a part of it"
        raise ValueError(Errors.N516.format(path=path, problem=problem))
    return found.spans


def _read_docs(path: Path, *, lang: str) -> tuple[list[Doc], list[str], list[Any]]:
    """Documents of a file, where each stands in it, and the episode of each."""
    if path.suffix == DOCBIN:
        docs = read_docbin(path)
        places = [f"document {i}" for i in range(1, len(docs) + 1)]
        return docs, places, [None] * len(docs)
    if path.suffix == ".npz":
        what, allowed = "gold", ALLOWED.rpartition(",")[0]
        raise ValueError(Errors.N520.format(path=path, what=what, allowed=allowed))
    nlp = make_tokenizer(lang)
    records = list(read_records(path))
    docs = [_make_doc(nlp, record) for record in records]
    places = [record.place for record in records]
    return docs, places, [record.episode for record in records]


def _make_doc(nlp: Language, record: Record) -> Doc:
    """Words by the tokenizer, cut where an entity begins or ends within one."""
    edges = {edge for start, end, _ in record.entities for edge in (start, end)}
    words, spaces = [], []
    for token in nlp.make_doc(record.text):
        end = token.idx + len(token)
        cuts = [token.idx, *sorted(e for e in edges if token.idx < e < end), end]
        words += [record.text[a:b] for a, b in pairwise(cuts)]
        spaces += [False] * (len(cuts) - 2) + [bool(token.whitespace_)]
    doc = Doc(nlp.vocab, words=words, spaces=spaces)
    words_at = _Words(doc)
    ents = [Span(doc, *words_at.find(a, b), label) for a, b, label in record.entities]
    doc.set_ents(ents, default="outside")
    return doc


class _Words:
    """Places of the words of a document."""

    def __init__(self, doc: Doc) -> None:
        self.starts = np.array([token.idx for token in doc], dtype="int64")
        sizes = np.array([len(token) for token in doc], dtype="int64")
        self.ends = self.starts + sizes

    def find(self, start: int, end: int) -> tuple[int, int]:
        """RETURNS (tuple[int, int]): First word that has some of it, and last + 1."""
        first = int(np.searchsorted(self.ends, start, side="right"))
        return first, int(np.searchsorted(self.starts, end, side="left"))


def _check_entities(gold: Gold, path: Path) -> None:
    if len(gold.spans):
        return
    where = "entities in test.spacy" if path.is_dir() else 'entities in "spans"'
    if path.suffix == DOCBIN:
        where = "entities in doc.ents (those of doc.spans are not read)"
    raise ValueError(Errors.N531.format(path=path, n=len(gold.docs), where=where))


def _check_texts(
    gold: Gold,
    places: Sequence[str],
    records: Sequence[Record],
    *,
    paths: tuple[Path, Path],
) -> None:
    ours, theirs = (f"'{path}'" for path in paths)
    if len(gold.docs) != len(records):
        problem = (
            f"{len(gold.docs)} gold texts in {ours} and {len(records)} predicted ones "
            f"in {theirs}"
        )
        raise ValueError(Errors.N518.format(problem=problem))
    rows = zip(gold.docs, places, records, strict=True)
    for number, (doc, place, record) in enumerate(rows, 1):
        # Data given as words often have a space after the last one, which prompts lose
        one, other = doc.text.rstrip(), record.text.rstrip()
        if one == other:
            continue
        letters = enumerate(zip(one, other, strict=False))
        n_same = next((i for i, (a, b) in letters if a != b), min(len(one), len(other)))
        start = max(n_same - N_AROUND, 0)
        problem = (
            f"text {number} is '{shorten(one[start:])}' in {ours} ({place}) and "
            f"'{shorten(other[start:])}' in {theirs} ({record.place}); they differ "
            f"from character {n_same + 1} on"
        )
        raise ValueError(Errors.N518.format(problem=problem))


def _place(
    gold: Gold, records: Sequence[Record], labels: Sequence[str]
) -> tuple[Ints, int, int]:
    """Put predicted entities on the words of the gold."""
    number = {label: i + 1 for i, label in enumerate(labels)}
    rows: list[tuple[int, int, int]] = []
    n_moved = n_dropped = 0
    offsets = gold.offsets.tolist()
    for doc, record, offset in zip(gold.docs, records, offsets, strict=False):
        words, before = _Words(doc), 0
        for start, end, label in sorted(record.entities):
            first, last = words.find(start, end)
            if last <= first or first < before:
                n_dropped += 1
                continue
            edges = words.starts[first], words.ends[last - 1]
            n_moved += bool(edges != (start, end))
            rows.append((offset + first, offset + last, number[label]))
            before = last
    return np.array(rows, dtype="int64").reshape(-1, 3), n_moved, n_dropped


def _group(episodes: Sequence[Any]) -> list[int]:
    """Lengths of the stretches of equal episodes."""
    sizes: list[int] = []
    for i, episode in enumerate(episodes):
        if not i or episode != episodes[i - 1]:
            sizes.append(0)
        sizes[-1] += 1
    return sizes
