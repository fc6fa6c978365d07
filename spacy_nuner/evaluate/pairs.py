"""Read gold and predictions of any system: DocBin, JSONL, or a cell's own file."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from ..errors import Errors
from .data import Gold, load_part, make_gold
from .metrics import Ints
from .predictions import hash_gold, read_predictions

Entity = tuple[int, int, str]  # characters of the text, label


class Record(NamedTuple):
    """A text with entities."""

    text: str
    entities: list[Entity]
    episode: Any = None  # which query set it belongs to, where that is said


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
    RAISES (ValueError): If a file can't be read or texts differ.
    """
    if gold_path.is_dir():
        gold, labels = load_part(gold_path, "test")
        episodes: list[Any] = []
        folder: Path | None = gold_path
    else:
        docs, episodes = _read_docs(gold_path, lang=lang)
        labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
        gold, folder = make_gold(docs, labels, source=str(gold_path)), None
    if predicted_path.suffix == ".npz":
        if folder is None:
            what = "predictions of a cell"
            allowed = "a .npz together with the folder of its data set as gold"
            raise ValueError(
                Errors.N520.format(path=predicted_path, what=what, allowed=allowed)
            )
        spans = _read_cell(predicted_path, gold, labels)
        return Pair(gold, labels, spans, folder=folder)
    records = list(_read_records(predicted_path))
    _check_texts(gold, records)
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


def _read_records(path: Path) -> Iterator[Record]:
    if path.suffix == ".jsonl":
        yield from _read_jsonl(path)
    elif path.suffix == ".spacy":
        for doc in DocBin().from_disk(path).get_docs(Vocab()):
            ents = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
            yield Record(doc.text, ents)
    else:
        allowed = ".spacy (DocBin), .jsonl, a data set's folder, .npz of a cell"
        raise ValueError(
            Errors.N520.format(path=path, what="documents", allowed=allowed)
        )


def _read_jsonl(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                text = record["text"]
                entities = sorted(
                    (int(s["start"]), int(s["end"]), str(s["label"]))
                    for s in record["spans"]
                )
                before = 0
                for start, end, _ in entities:
                    if not (
                        before <= start < end <= len(text) and text[start:end].strip()
                    ):
                        raise ValueError(f"entity {start} to {end}")
                    before = end
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    Errors.N519.format(path=path, number=number, problem=repr(error))
                ) from None
            yield Record(text, entities, record.get("episode"))


def _read_docs(path: Path, *, lang: str) -> tuple[list[Doc], list[Any]]:
    """Documents of a file, and the episode of each."""
    if path.suffix == ".spacy":
        docs = list(DocBin().from_disk(path).get_docs(Vocab()))
        return docs, [None] * len(docs)
    records = list(_read_records(path))
    nlp = spacy.blank(lang)
    docs = [_make_doc(nlp, record) for record in records]
    return docs, [record.episode for record in records]


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


def _check_texts(gold: Gold, records: Sequence[Record]) -> None:
    if len(gold.docs) != len(records):
        problem = f"{len(gold.docs)} gold texts and {len(records)} predicted ones"
        raise ValueError(Errors.N518.format(problem=problem))
    for number, (doc, record) in enumerate(zip(gold.docs, records, strict=True), 1):
        # Data given as words often have a space after the last one, which prompts lose
        if doc.text.rstrip() != record.text.rstrip():
            problem = f"text {number} is '{doc.text}' here and '{record.text}' there"
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
