"""A concept corpus as sub-tokens: tokenised once, kept in flat arrays."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy
from numpy.typing import NDArray
from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase

from ..errors import Errors, Warnings

if TYPE_CHECKING:
    from spacy.tokens import Doc

logger = logging.getLogger(__name__)

Ints = NDArray[numpy.integer]

SPANS_KEY = "concepts"
Subtokens = Literal["all", "first"]
DOCS_PER_CALL = 1000


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, end to end."""

    data: Ints  # (sum of lengths,)
    starts: Ints  # (n_rows + 1,)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> Ints:
        return self.data[self.starts[i] : self.starts[i + 1]]

    @property
    def lengths(self) -> Ints:
        return numpy.diff(self.starts)  # (n_rows,)


@dataclass
class Losses:
    """What the corpus holds and the arrays do not."""

    empty: int = 0  # documents without a mention
    texts: int = 0  # texts cut at max_length
    subtokens: int = 0  # sub-tokens cut off
    mentions: int = 0  # mentions without a sub-token left
    concepts: int = 0  # concepts cut at max_concept_length


@dataclass(frozen=True)
class SubtokenCorpus:
    """Sentences and concepts as ids of sub-tokens, and which belong together.

    A positive is a pair (valid sub-token of a sentence, concept): every sub-token that
    shares a character with a mention is one for the mention's concept.
    """

    ids: Ragged  # sub-token ids of each sentence, special ones included
    valid: Ragged  # positions in `ids` that are scored: no special ones
    positive_tokens: Ragged  # indices into the sentence's `valid`
    positive_concepts: Ragged  # parallel to it: indices into `concepts`
    concepts: list[str]
    concept_ids: Ragged  # sub-token ids of each concept
    pad_id: int
    concept_pad_id: int
    n_mentions: int
    losses: Losses = field(default_factory=Losses)

    def __len__(self) -> int:
        return len(self.ids)

    def digest(self) -> str:
        """Identify the data: texts, mentions and tokenizer all decide it.

        RETURNS (str): SHA-256.
        """
        state = hashlib.sha256("\n".join(self.concepts).encode("utf8"))
        for rows in (self.ids, self.positive_tokens, self.positive_concepts):
            state.update(rows.data.tobytes())
            state.update(rows.starts.tobytes())
        return state.hexdigest()


def make_corpus(
    docs: Iterable["Doc"],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    max_concept_length: int,
    source: str,
    concept_tokenizer: PreTrainedTokenizerBase | None = None,
    subtokens: Subtokens = "all",
) -> SubtokenCorpus:
    """Tokenise a concept corpus. What is cut or left out is counted and logged.

    docs (Iterable[Doc]): Documents with mentions in `doc.spans["concepts"]`.
    tokenizer (PreTrainedTokenizerBase): The text encoder's tokenizer.
    max_length (int): Sub-tokens of a sentence, special ones included.
    max_concept_length (int): Sub-tokens of a concept, special ones included.
    source (str): Name of the data in messages.
    concept_tokenizer (PreTrainedTokenizerBase | None): The concept encoder's; None: the
        same.
    subtokens (Subtokens): Which are scored: "all" or the "first" of each word.
    RETURNS (SubtokenCorpus): The corpus.
    RAISES (ValueError): If no document has a mention.
    """
    ids: list[list[int]] = []
    valid: list[Ints] = []
    tokens: list[Ints] = []
    concepts: list[Ints] = []
    index: dict[str, int] = {}
    losses, n_mentions = Losses(), 0
    documents = iter(docs)
    while chunk := list(islice(documents, DOCS_PER_CALL)):
        mentioned = [doc for doc in chunk if doc.spans.get(SPANS_KEY)]
        losses.empty += len(chunk) - len(mentioned)
        texts = [doc.text for doc in mentioned]
        for doc, encoding in zip(
            mentioned, _encode(tokenizer, texts, max_length), strict=True
        ):
            _count_cut(encoding, losses)
            offsets = numpy.asarray(encoding.offsets, dtype="int32")  # (length, 2)
            # An empty stretch of text can't be part of a mention
            scored = (offsets[:, 1] > offsets[:, 0]) & ~numpy.asarray(
                encoding.special_tokens_mask, dtype=bool
            )  # (length,)
            if subtokens == "first":
                scored &= find_word_starts(encoding)
            kept = numpy.flatnonzero(scored)  # (n_valid,)
            pairs = list(_find_positives(doc, offsets[kept], index, losses))
            if not pairs:
                losses.empty += 1
                continue
            pairs.sort()
            unique = numpy.unique(numpy.asarray(pairs, dtype="int32"), axis=0)
            ids.append(encoding.ids)
            valid.append(kept)
            tokens.append(unique[:, 0])
            concepts.append(unique[:, 1])
            n_mentions += len(doc.spans[SPANS_KEY])
    if not ids:
        raise ValueError(Errors.N306.format(source=source, n=losses.empty))
    concept_tokenizer = concept_tokenizer or tokenizer
    encoded = list(_encode(concept_tokenizer, list(index), max_concept_length))
    losses.concepts = sum(bool(encoding.overflowing) for encoding in encoded)
    corpus = SubtokenCorpus(
        ids=_join(ids),
        valid=_join(valid),
        positive_tokens=_join(tokens),
        positive_concepts=_join(concepts),
        concepts=list(index),
        concept_ids=_join([encoding.ids for encoding in encoded]),
        pad_id=int(tokenizer.pad_token_id or 0),
        concept_pad_id=int(concept_tokenizer.pad_token_id or 0),
        n_mentions=n_mentions - losses.mentions,
        losses=losses,
    )
    _log(corpus, source)
    return corpus


def find_word_starts(encoding: Encoding) -> NDArray[numpy.bool_]:
    """Find the first sub-token of each word.

    encoding (Encoding): An encoded text.
    RETURNS (NDArray[numpy.bool_]): (length,).
    """
    words = numpy.asarray([-1 if w is None else w for w in encoding.word_ids])
    return numpy.diff(words, prepend=-1) != 0  # (length,)


def _encode(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], max_length: int
) -> Iterator[Encoding]:
    for start in range(0, len(texts), DOCS_PER_CALL):
        part = texts[start : start + DOCS_PER_CALL]
        yield from tokenizer(part, truncation=True, max_length=max_length).encodings


def _count_cut(encoding: Encoding, losses: Losses) -> None:
    if encoding.overflowing:
        losses.texts += 1
        losses.subtokens += sum(
            len(rest) - sum(rest.special_tokens_mask) for rest in encoding.overflowing
        )


def _find_positives(
    doc: "Doc", offsets: Ints, index: dict[str, int], losses: Losses
) -> Iterator[tuple[int, int]]:
    for span in doc.spans[SPANS_KEY]:
        touched = numpy.flatnonzero(
            (offsets[:, 0] < span.end_char) & (offsets[:, 1] > span.start_char)
        )  # (n_touched,)
        if not len(touched):
            losses.mentions += 1
            continue
        concept = index.setdefault(span.label_, len(index))
        yield from ((int(token), concept) for token in touched)


def _join(rows: list) -> Ragged:
    starts = numpy.zeros(len(rows) + 1, dtype="int64")
    numpy.cumsum([len(row) for row in rows], out=starts[1:])
    data = numpy.concatenate([numpy.asarray(row, dtype="int32") for row in rows])
    return Ragged(data=data, starts=starts)


def _log(corpus: SubtokenCorpus, source: str) -> None:
    logger.info(
        "%s: %d sentences, %d sub-tokens, %d mentions, %d concepts",
        source,
        len(corpus),
        len(corpus.valid.data),
        corpus.n_mentions,
        len(corpus.concepts),
    )
    losses = corpus.losses
    if losses.empty:
        total = len(corpus) + losses.empty
        what, reason = f"sentences of {source}", "they have no mention"
        logger.warning(
            Warnings.W001.format(
                count=losses.empty, total=total, what=what, reason=reason
            )
        )
    if losses.texts or losses.mentions or losses.concepts:
        logger.warning(
            Warnings.W301.format(
                source=source,
                texts=losses.texts,
                subtokens=losses.subtokens,
                mentions=losses.mentions,
                concepts=losses.concepts,
            )
        )
