"""Gold data of a few-shot set as arrays: read once, shared by all systems and cells."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import srsly
from spacy.attrs import ENT_IOB
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import Errors
from .metrics import Bools, Ints, find_spans, score, split_tags
from .records import read_docbin, read_labels
from .sampling import count_runs


class Gold(NamedTuple):
    """Sentences with their entities, as documents and as arrays."""

    docs: list[Doc]
    lengths: Ints  # (n_docs,) tokens of each
    types: Ints  # (n_tokens,) 0 none, i + 1 label i, -1 no annotation or no word
    annotated: Bools  # (n_tokens,)
    is_space: Bools  # (n_tokens,)
    is_break: Bools  # (n_tokens,) white space with a line break
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
    zero_shot_only: bool = False  # whether nothing is to be trained on its pool

    @property
    def counts(self) -> Ints:
        """RETURNS (Ints): Mentions of the pool's sentences as the sampler counts."""
        words = ~self.pool.is_space
        row = np.repeat(np.arange(len(self.pool.lengths)), self.pool.lengths)[words]
        lengths = np.bincount(row, minlength=len(self.pool.lengths))
        return count_runs(self.pool.types[words], lengths, len(self.labels))


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
    annotated, is_space, is_break = (np.zeros(len(types), dtype=bool) for _ in range(3))
    spans, start = [], 0
    for doc in docs:
        place = slice(start, start + len(doc))
        annotated[place] = doc.to_array(ENT_IOB) != 0
        # A bare vocabulary knows no flags such as IS_SPACE
        is_space[place] = [token.text.isspace() for token in doc]
        for i in np.flatnonzero(is_space[place]).tolist():
            is_break[start + i] = "\n" in doc[i].text
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
    types[~annotated | is_space] = -1
    rows = np.array(spans, dtype="int64").reshape(-1, 3)
    return Gold(docs, lengths, types, annotated, is_space, is_break, rows)


def score_tags(
    gold: Gold, ids: Ints, tags: Sequence[str], labels: Sequence[str]
) -> dict[str, Any]:
    """Score a pipe's tags; entities are read as the pipe reads them.

    gold (Gold): The sentences.
    ids (Ints): Most probable tag of each token, an index into tags.
    tags (Sequence[str]): The pipe's tags.
    labels (Sequence[str]): Labels, of which label i is type i + 1.
    RETURNS (dict[str, Any]): See `metrics.score`; and "spans", the entities.
    """
    types, begins = split_tags(ids, tags, labels)
    types = np.where(gold.is_space, 0, types)
    skip = gold.is_space & ~gold.is_break
    spans = find_spans(types, gold.lengths, begins, skip)
    figures = score(
        gold.types, gold.spans, types, spans, labels, annotated=gold.annotated
    )
    return figures | {"spans": spans}


def load_dataset(path: Path) -> Dataset:
    """Read `pool.spacy`, `test.spacy` and `meta.json` of one data set.

    path (Path): Folder; its name is the name of the data set.
    RETURNS (Dataset): Documents, arrays and labels.
    RAISES (FileNotFoundError): If one of the files is missing.
    """
    pool, labels = load_part(path, "pool")
    test, _ = load_part(path, "test")
    parts = {"pool": _content(pool), "test": _content(test)}
    digest = sha256_of({"labels": labels} | parts)
    meta = srsly.read_json(path / "meta.json")
    zero_shot_only = bool(meta.get("zero_shot_only", False))
    return Dataset(path.name, labels, pool, test, digest, zero_shot_only)


def load_part(path: Path, part: str) -> tuple[Gold, list[str]]:
    """Read one part of a data set.

    path (Path): Folder of the data set.
    part (str): "pool" or "test".
    RETURNS (tuple[Gold, list[str]]): The sentences, and the labels of the data set.
    RAISES (FileNotFoundError): If a file is missing.
    """
    file = path / f"{part}.spacy"
    for needed in (path / "meta.json", file):
        if not needed.is_file():
            raise FileNotFoundError(Errors.N001.format(what=needed.name, path=needed))
    labels = read_labels(path / "meta.json")
    return make_gold(read_docbin(file), labels, source=str(file)), labels


def _content(gold: Gold) -> list[Any]:
    words = [[token.text_with_ws for token in doc] for doc in gold.docs]
    return [words, gold.types.tolist(), gold.spans.tolist()]


def copy_tokens(doc: Doc, vocab: Vocab) -> Doc:
    """Copy words and spaces, and nothing else, into another vocabulary.

    White space after the last word, which data given as words often have, is left out:
    it would stand in prompts.

    doc (Doc): The document.
    vocab (Vocab): Vocabulary of the copy.
    RETURNS (Doc): A document without annotation.
    """
    spaces = [bool(token.whitespace_) for token in doc]
    spaces[-1:] = [False] * len(spaces[-1:])
    return Doc(vocab, [token.text for token in doc], spaces)


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
