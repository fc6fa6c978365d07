"""Gold data of a few-shot set as arrays: read once, shared by all systems and cells."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import srsly
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..errors import Errors
from .metrics import Ints
from .sampling import count_runs


class Gold(NamedTuple):
    """Sentences with their entities, as documents and as arrays."""

    docs: list[Doc]
    lengths: Ints  # (n_docs,) tokens of each
    types: Ints  # (n_tokens,) 0 none, i + 1 label i, -1 not annotated
    spans: Ints  # (n_entities, 3) start, end, type; positions in `types`

    @property
    def offsets(self) -> Ints:
        """RETURNS (Ints): First token of each document; (n_docs + 1,)."""
        return np.concatenate(([0], np.cumsum(self.lengths))).astype("int64")

    def rows(self, indices: Sequence[int] | Ints) -> Ints:
        """RETURNS (Ints): Positions of the tokens of these documents, in order."""
        return token_rows(self.lengths, indices)


class Dataset(NamedTuple):
    """A folder `corpus/ner/<dataset>`."""

    name: str
    labels: list[str]
    pool: Gold
    test: Gold
    sha256: str  # of labels, words and entities, whatever file they came in

    @property
    def counts(self) -> Ints:
        """RETURNS (Ints): Mentions of the pool's sentences as the sampler counts."""
        return count_runs(self.pool.types, self.pool.lengths, len(self.labels))


def token_rows(lengths: Ints, indices: Sequence[int] | Ints) -> Ints:
    """Positions of the tokens of some sentences in the array of all tokens.

    lengths (Ints): Tokens per sentence.
    indices (Sequence[int]): The sentences, in the order wanted.
    RETURNS (Ints): Positions, sentence by sentence.
    """
    picked = np.asarray(indices, dtype="int64")
    starts = (np.cumsum(lengths) - lengths)[picked]
    sizes = lengths[picked]
    inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(np.repeat(starts, sizes) + inside, dtype="int64")


def make_gold(docs: Iterable[Doc], labels: Sequence[str], *, source: str) -> Gold:
    """Turn documents into arrays.

    docs (Iterable[Doc]): Documents with gold entities.
    labels (Sequence[str]): Labels, of which label i is type i + 1.
    source (str): Where the documents come from, for the message.
    RETURNS (Gold): The arrays.
    RAISES (ValueError): If an entity has a label that is not among the labels.
    """
    docs = list(docs)
    number = {label: i + 1 for i, label in enumerate(labels)}
    lengths = np.array([len(doc) for doc in docs], dtype="int64")
    types = np.zeros(int(lengths.sum()), dtype="int64")
    spans, start = [], 0
    for doc in docs:
        iob = doc.to_array([ENT_IOB, ENT_TYPE])[:, 0]
        types[start : start + len(doc)][iob == 0] = -1
        for ent in doc.ents:
            if ent.label_ not in number:
                raise ValueError(
                    Errors.N505.format(
                        source=source,
                        got=ent.label_,
                        text=doc.text,
                        labels=", ".join(labels),
                    )
                )
            types[start + ent.start : start + ent.end] = number[ent.label_]
            spans.append((start + ent.start, start + ent.end, number[ent.label_]))
        start += len(doc)
    rows = np.array(spans, dtype="int64").reshape(-1, 3)
    return Gold(docs, lengths, types, rows)


def load_dataset(path: Path) -> Dataset:
    """Read `pool.spacy`, `test.spacy` and `meta.json` of one data set.

    path (Path): Folder; its name is the name of the data set.
    RETURNS (Dataset): Documents, arrays and labels.
    RAISES (FileNotFoundError): If one of the files is missing.
    """
    for name in ("meta.json", "pool.spacy", "test.spacy"):
        if not (path / name).is_file():
            raise FileNotFoundError(Errors.N001.format(what=name, path=path / name))
    labels = list(srsly.read_json(path / "meta.json")["labels"])
    vocab = Vocab()
    parts = {}
    for name in ("pool", "test"):
        file = path / f"{name}.spacy"
        docs = DocBin().from_disk(file).get_docs(vocab)
        parts[name] = make_gold(docs, labels, source=str(file))
    digest = sha256_of({"labels": labels} | {k: _content(v) for k, v in parts.items()})
    return Dataset(path.name, labels, parts["pool"], parts["test"], digest)


def _content(gold: Gold) -> list[Any]:
    words = [[token.text_with_ws for token in doc] for doc in gold.docs]
    return [words, gold.types.tolist(), gold.spans.tolist()]


def sha256_of(value: Any) -> str:
    """RETURNS (str): SHA-256 of a value's JSON, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf8")).hexdigest()


def sha256_of_folder(path: Path) -> str:
    """Hash an encoder folder: weights, configuration and tokenizer, not its card.

    path (Path): Folder; what lies in its folders counts too.
    RETURNS (str): SHA-256 over names and contents.
    """
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.suffix in {".json", ".safetensors", ".txt", ".bin", ".model"}:
            digest.update(str(file.relative_to(path)).encode("utf8") + b"\0")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
