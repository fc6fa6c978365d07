"""A converted NER data set as sub-tokens and tags."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy
import srsly
from spacy.attrs import ENT_IOB
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from transformers import PreTrainedTokenizerBase

from ...errors import Errors
from ..offsets import clean_start, find_blank, find_firsts, start_of, trim_offsets
from ..ragged import Ints
from ..tokenise import DOCS_PER_CALL, Subtokens

if TYPE_CHECKING:
    from spacy.tokens import Doc

OUTSIDE = 0
UNSCORED = -1


@dataclass(frozen=True)
class TagCorpus:
    """Sentences to be tagged: IOB2, the tag "O" first."""

    ids: list[Ints]  # sub-tokens of each sentence, special ones included
    tags: list[Ints]  # tag of each of them; -1: not scored
    labels: list[str]  # label i has the tags 2i + 1 (B) and 2i + 2 (I)
    n_cut: int = 0  # sentences longer than max_length

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> Ints:
        """RETURNS (Ints): Sub-tokens of each sentence, (n_sentences,)."""
        return numpy.fromiter((len(ids) for ids in self.ids), dtype="int64")

    @property
    def n_tags(self) -> int:
        return 1 + 2 * len(self.labels)

    def choose(self, rows: Ints) -> "TagCorpus":
        """Take some of the sentences.

        rows (Ints): Their places, (n_chosen,).
        RETURNS (TagCorpus): They alone.
        """
        ids, tags = ([part[i] for i in rows] for part in (self.ids, self.tags))
        return TagCorpus(ids, tags, self.labels)

    def digest(self) -> str:
        """RETURNS (str): SHA-256 of sub-tokens, tags and labels."""
        state = hashlib.sha256("\n".join(self.labels).encode("utf8"))
        for array in chain(self.ids, self.tags):
            state.update(len(array).to_bytes(4, "little"))
            state.update(array.astype("<i4").tobytes())
        return state.hexdigest()


def read_tag_corpus(
    folder: Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    subtokens: Subtokens,
) -> TagCorpus:
    """Read the pool of a data set as `spacy-nuner convert` writes it.

    The test part is not looked at: encoders are measured on it.

    folder (Path): With `pool.spacy` and `meta.json`.
    tokenizer (PreTrainedTokenizerBase): The encoder's.
    max_length (int): Sub-tokens of a sentence, special ones included.
    subtokens (Subtokens): Which of a token's are scored: "all" or the "first".
    RETURNS (TagCorpus): All its sentences that have a sub-token.
    RAISES (FileNotFoundError): If a file is missing.
    RAISES (ValueError): If no sentence has an entity, or one an unknown label.
    """
    for name in ("meta.json", "pool.spacy"):
        if not (folder / name).is_file():
            raise FileNotFoundError(Errors.N001.format(what=name, path=folder / name))
    labels = list(srsly.read_json(folder / "meta.json")["labels"])
    docs = list(DocBin().from_disk(folder / "pool.spacy").get_docs(Vocab()))
    used = {ent.label_ for doc in docs for ent in doc.ents}
    if not used or not used <= set(labels):
        unknown = ", ".join(sorted(used - set(labels))) or "no entity at all"
        at = {"path": folder, "got": unknown, "labels": ", ".join(labels)}
        raise ValueError(Errors.N370.format(**at))
    docs = [doc for doc in docs if any(not token.text.isspace() for token in doc)]
    blank = find_blank(tokenizer)
    ids: list[Ints] = []
    tags: list[Ints] = []
    n_cut = 0
    for start in range(0, len(docs), DOCS_PER_CALL):
        part = docs[start : start + DOCS_PER_CALL]
        texts = [clean_start(doc.text) for doc in part]
        encodings = tokenizer(texts, truncation=True, max_length=max_length).encodings
        n_cut += sum(bool(encoding.overflowing) for encoding in encodings or [])
        found = [numpy.asarray(one.ids, dtype="int64") for one in encodings or []]
        offsets = [numpy.asarray(one.offsets).reshape(-1, 2) for one in encodings or []]
        special = [one.special_tokens_mask for one in encodings or []]
        ids += found
        tags += _tag(part, found, offsets, special, blank, labels, subtokens)
    return TagCorpus(ids, tags, labels, n_cut)


def split_corpus(
    corpus: TagCorpus, *, dev_share: float, seed: int
) -> tuple[TagCorpus, TagCorpus]:
    """Set sentences aside, drawn by chance, to look at while training.

    corpus (TagCorpus): All sentences.
    dev_share (float): Share of the dev part; at least one sentence.
    seed (int): Seed of the draw.
    RETURNS (tuple[TagCorpus, TagCorpus]): Training and dev part.
    """
    order = numpy.random.default_rng(seed).permutation(len(corpus))
    n_dev = max(1, round(dev_share * len(corpus)))
    return corpus.choose(numpy.sort(order[n_dev:])), corpus.choose(
        numpy.sort(order[:n_dev])
    )


def _tag(
    docs: Sequence["Doc"],
    ids: list[Ints],
    offsets: list[Ints],
    special: list[list[int]],
    blank: Ints,
    labels: list[str],
    subtokens: Subtokens,
) -> list[Ints]:
    lengths = [len(row) for row in ids]
    rows = numpy.repeat(numpy.arange(len(ids)), lengths)  # (n_subtokens,)
    places = trim_offsets(
        numpy.concatenate(offsets), [doc.text for doc in docs], rows
    )  # (n_subtokens, 2)
    scored = (places[:, 1] > places[:, 0]) & (numpy.concatenate(special) == 0)
    scored &= ~numpy.isin(numpy.concatenate(ids), blank)  # (n_subtokens,)
    kept = numpy.flatnonzero(scored)
    firsts = find_firsts(places[kept], docs)  # (n_scored,)
    token_tags, token_ends = _tag_tokens(docs, labels)
    token = numpy.searchsorted(token_ends, places[kept, 0], side="right")  # (n_scored,)
    found = token_tags[token]
    # What follows within the first word of a mention is inside of it
    begins = (found > OUTSIDE) & (found % 2 == 1)  # (n_scored,)
    found = numpy.where(~firsts & begins, found + 1, found)
    tags = numpy.full(len(rows), UNSCORED, dtype="int64")  # (n_subtokens,)
    tags[kept] = numpy.where(firsts | (subtokens == "all"), found, UNSCORED)
    return numpy.split(tags, numpy.cumsum(lengths)[:-1])


def _tag_tokens(docs: Sequence["Doc"], labels: list[str]) -> tuple[Ints, Ints]:
    number = {label: i for i, label in enumerate(labels)}
    begins = start_of([doc.text for doc in docs]).tolist()
    tags, ends = [], []
    for doc, begin in zip(docs, begins, strict=True):
        row = numpy.where(doc.to_array(ENT_IOB) == 0, UNSCORED, OUTSIDE)
        for ent in doc.ents:
            row[ent.start : ent.end] = 2 * number[ent.label_] + 2
            row[ent.start] -= 1
        tags.append(row)
        ends += [begin + token.idx + len(token) for token in doc]
    return numpy.concatenate(tags), numpy.asarray(ends)
