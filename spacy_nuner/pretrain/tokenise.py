"""Documents to sub-tokens and positives, a thousand of them at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

import numpy
from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase

from ..errors import Errors
from .offsets import clean_start, find_blank, find_firsts, start_of, trim_offsets
from .ragged import Ints, Ragged, flatten, join, make_ragged

if TYPE_CHECKING:
    from spacy.tokens import Doc

SPANS_KEY = "concepts"
DOCS_PER_CALL = 1000

Subtokens = Literal["all", "first"]


@dataclass(frozen=True)
class Tokenisation:
    """How texts and concepts become sub-tokens."""

    tokenizer: PreTrainedTokenizerBase  # the text encoder's
    concept_tokenizer: PreTrainedTokenizerBase
    max_length: int  # sub-tokens of a sentence, special ones included
    max_concept_length: int  # the same of a concept
    subtokens: Subtokens  # which are scored: "all" or the "first" of each word

    @cached_property
    def blank(self) -> Ints:
        """Sub-tokens that stand for white space alone, (n_blank,)."""
        return find_blank(self.tokenizer)


@dataclass
class Losses:
    """What the corpus holds and the arrays do not."""

    empty: int = 0  # documents without a mention
    cut_off: int = 0  # documents all of whose mentions were cut off
    texts: int = 0  # texts cut at max_length
    subtokens: int = 0  # sub-tokens cut off
    mentions: int = 0  # mentions without a sub-token left
    concepts: int = 0  # concepts cut at max_concept_length


@dataclass(frozen=True)
class Chunk:
    """Some sentences, in the arrays that `SubtokenCorpus` explains."""

    ids: Ragged
    valid: Ragged
    positive_tokens: Ragged
    positive_concepts: Ragged
    n_mentions: int


def tokenise(
    docs: Iterable["Doc"],
    how: Tokenisation,
    *,
    concepts: dict[str, int],
    losses: Losses,
) -> Iterator[Chunk]:
    """Tokenise documents with mentions in `doc.spans["concepts"]`.

    docs (Iterable[Doc]): The documents; no more than 1,000 are kept at a time.
    how (Tokenisation): Tokenizer and limits.
    concepts (dict[str, int]): Index of each concept; new ones are added.
    losses (Losses): Counts what is cut or left out.
    YIELDS (Chunk): The sentences that have a mention, at least one.
    """
    documents = iter(docs)
    while batch := list(islice(documents, DOCS_PER_CALL)):
        mentioned = [doc for doc in batch if doc.spans.get(SPANS_KEY)]
        losses.empty += len(batch) - len(mentioned)
        if mentioned:
            chunk = _make_chunk(mentioned, how, concepts, losses)
            if len(chunk.ids):
                yield chunk


def encode_concepts(
    concepts: Sequence[str], how: Tokenisation, losses: Losses
) -> Iterator[Ragged]:
    """Tokenise the names of concepts.

    concepts (Sequence[str]): The names.
    how (Tokenisation): Tokenizer and limit.
    losses (Losses): Counts what is cut.
    YIELDS (Ragged): Sub-token ids of some of them, in their order.
    """
    for start in range(0, len(concepts), DOCS_PER_CALL):
        part = concepts[start : start + DOCS_PER_CALL]
        encodings = _encode(how.concept_tokenizer, part, how.max_concept_length)
        losses.concepts += sum(bool(encoding.overflowing) for encoding in encodings)
        yield flatten([encoding.ids for encoding in encodings])


def without_sentence(losses: Losses, how: Tokenisation, source: str) -> ValueError:
    """RETURNS (ValueError): That nothing is left of a corpus, and why."""
    at = {"empty": losses.empty, "cut": losses.cut_off, "max_length": how.max_length}
    n = losses.empty + losses.cut_off
    return ValueError(Errors.N306.format(source=source, n=n, **at))


def _encode(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int
) -> list[Encoding]:
    encoded = tokenizer(list(texts), truncation=True, max_length=max_length)
    return list(encoded.encodings or [])


def _make_chunk(
    docs: list["Doc"], how: Tokenisation, concepts: dict[str, int], losses: Losses
) -> Chunk:
    texts = [doc.text for doc in docs]
    cleaned = [clean_start(text) for text in texts]
    encodings = _encode(how.tokenizer, cleaned, how.max_length)
    _count_cut(encodings, losses)
    ids = flatten([encoding.ids for encoding in encodings])
    rows = numpy.repeat(numpy.arange(len(ids)), ids.lengths)  # (n_subtokens,)
    offsets = trim_offsets(_join_offsets(encodings), texts, rows)  # (n_subtokens, 2)
    kept = _find_scored(encodings, ids, offsets, how.blank)  # (n_valid,)
    if how.subtokens == "first":
        kept = kept[find_firsts(offsets[kept], docs)]
    lengths = numpy.bincount(rows[kept], minlength=len(ids))  # (n_docs,)
    positions = (kept - ids.starts[rows[kept]]).astype("int32")  # (n_valid,)
    valid = make_ragged(positions, lengths)
    tokens, columns, n_mentions = _find_positives(
        docs, texts, offsets[kept], valid, concepts, losses
    )
    rows = rows[kept][tokens]  # (n_positives,)
    lengths = numpy.bincount(rows, minlength=len(ids))  # (n_docs,)
    places = (tokens - valid.starts[rows]).astype("int32")  # (n_positives,)
    left, lost = numpy.flatnonzero(lengths), numpy.flatnonzero(lengths == 0)
    n_cut = sum(bool(encodings[i].overflowing) for i in lost)
    losses.cut_off += n_cut
    # The others mention nothing but white space
    losses.empty += len(lost) - n_cut
    return Chunk(
        ids=_choose(ids, left),
        valid=_choose(valid, left),
        positive_tokens=make_ragged(places, lengths[left]),
        positive_concepts=make_ragged(columns.astype("int32"), lengths[left]),
        n_mentions=n_mentions,
    )


def _choose(rows: Ragged, chosen: Ints) -> Ragged:
    if len(chosen) == len(rows) or not len(chosen):
        return rows.cut(0, len(chosen))
    return join(rows.cut(i, i + 1) for i in chosen)


def _count_cut(encodings: list[Encoding], losses: Losses) -> None:
    for encoding in encodings:
        if rests := encoding.overflowing:
            losses.texts += 1
            losses.subtokens += sum(
                len(rest) - sum(rest.special_tokens_mask) for rest in rests
            )


def _join_offsets(encodings: list[Encoding]) -> Ints:
    pairs = chain.from_iterable(encoding.offsets for encoding in encodings)
    flat = numpy.fromiter(chain.from_iterable(pairs), dtype="int32")
    return flat.reshape(-1, 2)  # (n_subtokens, 2)


def _find_scored(
    encodings: list[Encoding], ids: Ragged, offsets: Ints, blank: Ints
) -> Ints:
    special = flatten([encoding.special_tokens_mask for encoding in encodings]).data
    # An empty stretch of text can't be part of a mention
    scored = (offsets[:, 1] > offsets[:, 0]) & (special == 0)  # (n_subtokens,)
    return numpy.flatnonzero(scored & ~numpy.isin(ids.data, blank))  # (n_valid,)


def _find_positives(
    docs: list["Doc"],
    texts: list[str],
    offsets: Ints,
    valid: Ragged,
    concepts: dict[str, int],
    losses: Losses,
) -> tuple[Ints, Ints, int]:
    begins = start_of(texts).tolist()
    spans = [
        (n, begins[n] + span.start_char, begins[n] + span.end_char, span.label_)
        for n, doc in enumerate(docs)
        for span in doc.spans[SPANS_KEY]
    ]
    rows, starts, ends = (
        numpy.fromiter((span[i] for span in spans), dtype="int64", count=len(spans))
        for i in range(3)
    )  # (n_spans,) each
    # Each mention beside each sub-token of its document
    sizes = valid.lengths[rows]  # (n_spans,)
    borders = numpy.cumsum(sizes)  # (n_spans,)
    pairs = numpy.repeat(numpy.arange(len(spans)), sizes)  # (n_pairs,)
    tokens = numpy.arange(len(pairs)) + (valid.starts[rows] - borders + sizes)[pairs]
    touched = (offsets[tokens, 0] < ends[pairs]) & (offsets[tokens, 1] > starts[pairs])
    pairs, tokens = pairs[touched], tokens[touched]  # (n_touched,)
    found = numpy.bincount(pairs, minlength=len(spans)) > 0  # (n_spans,)
    columns = numpy.zeros(len(spans), dtype="int64")
    for i in numpy.flatnonzero(found):
        columns[i] = concepts.setdefault(spans[i][3], len(concepts))
    n_found = int(found.sum())
    losses.mentions += len(spans) - n_found
    # Two mentions of one concept may share a sub-token
    cells = numpy.unique(tokens * max(len(concepts), 1) + columns[pairs])
    tokens, columns = numpy.divmod(cells, max(len(concepts), 1))  # (n_positives,)
    return tokens, columns, n_found
