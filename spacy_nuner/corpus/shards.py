"""Shards of a corpus: documents as bytes, quick to make and to send, into DocBins.

A million documents are made without a million `Doc`, `Span` and `SpanGroup` to be
serialised one by one, which takes longer than all the rest. The files are those of
spaCy's `DocBin`, byte for byte.
"""

import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .registries import settled_registries

SPANS_KEY = "concepts"
# As SpanGroup.to_bytes writes a span: three ids, then offsets in tokens and characters
SPAN = struct.Struct(">QQQllll")

Strings = dict[int, str]  # hash -> string, as in a StringStore


class ConceptDoc(NamedTuple):
    """A document with its concepts."""

    words: bytes  # (n_tokens, 2) uint64: hash of the form and of the norm
    spaces: bytes  # (n_tokens,) bool
    spans: bytes  # of doc.spans
    user_data: bytes  # of doc.user_data
    concepts: list[str]  # of the spans


class ShardWriter:
    """Collects documents and has them written in shards of one size."""

    def __init__(self, path: Path, size: int, workers: Executor) -> None:
        self.path = path
        self.size = size
        self.workers = workers
        self.n_shards = 0
        self.docs: list[ConceptDoc] = []
        self.strings: list[Strings] = []
        self.written: list[Future[None]] = []
        path.mkdir()

    def add(self, doc: ConceptDoc, strings: Strings) -> None:
        """Add a document; a full shard is written.

        doc (ConceptDoc): The document.
        strings (Strings): Holds its strings, and maybe those of others.
        """
        self.docs.append(doc)
        if not self.strings or self.strings[-1] is not strings:
            self.strings.append(strings)
        if len(self.docs) >= self.size:
            self._flush()

    def finish(self) -> None:
        """Write what is left, and wait until all shards are written."""
        if self.docs:
            self._flush()
        for shard in self.written:
            shard.result()

    def _flush(self) -> None:
        path = self.path / f"{self.n_shards:05d}.spacy"
        task = self.workers.submit(write_shard, path, self.docs, self.strings)
        self.written.append(task)
        self.n_shards += 1
        self.docs, self.strings = [], []


def pack_spans(
    spans: Iterable[tuple[int, int, int, int, int]],
) -> list[bytes]:
    """Write spans as spaCy does.

    spans (Iterable[tuple[int, int, int, int, int]]): Hash of the label, first token,
        behind the last, first character, behind the last.
    RETURNS (list[bytes]): What a message of a SpanGroup has under "spans".
    """
    return [SPAN.pack(0, 0, *span) for span in spans]


def write_shard(
    path: Path, docs: Sequence[ConceptDoc], strings: Sequence[Strings]
) -> None:
    """Write a DocBin.

    path (Path): The file.
    docs (Sequence[ConceptDoc]): Its documents.
    strings (Sequence[Strings]): Hold all their strings between them.
    """
    # Here, since the process that only gives work to others needs no spaCy
    from spacy.tokens import DocBin

    shard = DocBin(attrs=["ORTH"], store_user_data=True)
    words = [np.frombuffer(doc.words, np.uint64).reshape(-1, 2) for doc in docs]
    shard.tokens = [pair[:, :1] for pair in words]
    shard.spaces = [np.frombuffer(doc.spaces, bool).reshape(-1, 1) for doc in docs]
    shard.span_groups = [doc.spans for doc in docs]
    shard.user_data = [doc.user_data for doc in docs]
    shard.cats = [{} for _ in docs]
    shard.flags = [{"has_unknown_spaces": False} for _ in docs]
    known: Strings = {}
    for table in strings:
        known |= table
    shard.strings = {"", *(known[key] for key in np.unique(np.vstack(words)).tolist())}
    shard.strings.update(concept for doc in docs for concept in doc.concepts)
    with settled_registries():
        shard.to_disk(path)
