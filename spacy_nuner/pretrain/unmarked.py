"""Mentions that other sentences' annotators marked, and this one's did not.

An LLM does not mark everything. A word that is marked as a "company" in most sentences
and in this one not at all is hardly a good negative for "company".
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from .index import IndexingStopped
from .ragged import Ints, Ragged, join, make_ragged
from .store import StoreWriter, get_ragged, load_store
from .tally import Marked, Tally, hash_windows
from .wordpieces import SubtokenCorpus

logger = logging.getLogger(__name__)

# Its folder in that of the corpus's index, and the names of its arrays
FOLDER = "unmarked"
TOKENS, CONCEPTS = "tokens", "concepts"
# A mention has to be marked so often, and in such a share of its occurrences
MIN_MARKED = 2
MIN_SHARE = 0.3
# Sub-tokens of the longest mention that is looked for
MAX_LENGTH = 8
# Sentences that are looked at together
SENTENCES_AT_ONCE = 20_000


@dataclass(frozen=True)
class Window:
    """Some sentences of a corpus, their valid sub-tokens end to end."""

    ids: Ints  # (n_tokens,)
    starts: Ints  # (n_sentences + 1,)
    ends: Ints  # (n_tokens,): end of each token's sentence
    marked: NDArray[numpy.bool_]  # (n_tokens,): part of a mention
    stretches: Ints  # (n_mentions, 3): concept, first token, length

    def find_inside(self, length: int) -> NDArray[numpy.bool_]:
        """Find where a row of tokens does not leave its sentence.

        length (int): Tokens of the row.
        RETURNS (NDArray[numpy.bool_]): (n_tokens,), for the row that starts there.
        """
        return numpy.arange(len(self.ids)) + length <= self.ends

    def find_free(self, length: int) -> NDArray[numpy.bool_]:
        """Find where no token of a row is part of a mention.

        length (int): Tokens of the row.
        RETURNS (NDArray[numpy.bool_]): (n_tokens,), for the row that starts there.
        """
        touched = numpy.concatenate([[0], numpy.cumsum(self.marked)])  # (n_tokens + 1,)
        starts = numpy.arange(len(self.ids))
        ends = numpy.minimum(starts + length, len(self.ids))
        return touched[ends] == touched[starts]


def find_unmarked(
    corpus: SubtokenCorpus, *, should_stop: Callable[[], bool] = bool
) -> tuple[Ragged, Ragged]:
    """Find the cells of mentions that were left unmarked.

    A mention is a row of sub-tokens that was marked at least twice and in at least 0.3
    of the places where it occurs. Where none of its sub-tokens is part of a mention,
    its cells with all concepts that it was marked with are found. They are kept beside
    the corpus's index, if it has one.

    corpus (SubtokenCorpus): The training part.
    should_stop (Callable[[], bool]): Asked after each window but the last.
    RETURNS (tuple[Ragged, Ragged]): Of each sentence the tokens of the cells, indices
        into its valid sub-tokens in rising order, and parallel to it their concepts.
    RAISES (IndexingStopped): If `should_stop` says so. Nothing is left then.
    """
    if corpus.folder is None:
        parts = list(iterate_cells(corpus, should_stop=should_stop))
        tokens, concepts = (join(part[i] for part in parts) for i in range(2))
    else:

        def fill(writer: StoreWriter) -> None:
            cells = iterate_cells(corpus, should_stop=should_stop)
            for tokens, concepts in cells:
                writer.append_ragged(TOKENS, tokens)
                writer.append_ragged(CONCEPTS, concepts)

        key = f"{corpus.digest()} {MIN_MARKED} {MIN_SHARE} {MAX_LENGTH}"
        arrays = load_store(corpus.folder / FOLDER, key, fill).arrays
        tokens, concepts = get_ragged(arrays, TOKENS), get_ragged(arrays, CONCEPTS)
    logger.info("%d cells of unmarked mentions", len(tokens.data))
    return tokens, concepts


def iterate_cells(
    corpus: SubtokenCorpus, *, should_stop: Callable[[], bool] = bool
) -> Iterator[tuple[Ragged, Ragged]]:
    """Find the cells of some sentences after the other.

    corpus (SubtokenCorpus): The training part.
    should_stop (Callable[[], bool]): Asked after each window but the last.
    YIELDS (tuple[Ragged, Ragged]): Of each sentence the tokens and, parallel to it, the
        concepts of the cells.
    """
    tallies = {length: Tally() for length in range(1, MAX_LENGTH + 1)}
    for window in iterate_windows(corpus, should_stop=should_stop):
        concepts, firsts, lengths = window.stretches.T  # (n_mentions,) each
        for length, tally in tallies.items():
            ours = lengths == length  # (n_mentions,)
            hashes = hash_windows(window.ids, length)  # (n_tokens,)
            tally.add(hashes[firsts[ours]], concepts[ours])
    often = {n: tally.settle(min_marked=MIN_MARKED) for n, tally in tallies.items()}
    n_occurs = {n: numpy.zeros(len(m.keys), dtype="int64") for n, m in often.items()}
    for window in iterate_windows(corpus, should_stop=should_stop):
        for length, marked in often.items():
            hashes = hash_windows(window.ids, length)
            _, rows = marked.find(hashes, window.find_inside(length))
            n_occurs[length] += numpy.bincount(rows, minlength=len(marked.keys))
    often = {
        n: marked.choose(marked.counts >= MIN_SHARE * n_occurs[n])
        for n, marked in often.items()
    }
    for window in iterate_windows(corpus, should_stop=should_stop):
        yield _find_cells(window, often, len(corpus.concepts))


def iterate_windows(
    corpus: SubtokenCorpus, *, should_stop: Callable[[], bool] = bool
) -> Iterator[Window]:
    """Go through a corpus in windows of some thousand sentences.

    corpus (SubtokenCorpus): The corpus.
    should_stop (Callable[[], bool]): Asked after each window but the last.
    YIELDS (Window): The sentences. Neighbouring mentions of one concept are one.
    RAISES (IndexingStopped): If `should_stop` says so.
    """
    for start in range(0, len(corpus), SENTENCES_AT_ONCE):
        if start and should_stop():
            raise IndexingStopped
        end = min(start + SENTENCES_AT_ONCE, len(corpus))
        ids, valid = corpus.ids.cut(start, end), corpus.valid.cut(start, end)
        positives = corpus.positive_tokens.cut(start, end)
        concepts = corpus.positive_concepts.cut(start, end).data  # (n_positives,)
        places = valid.data + numpy.repeat(ids.starts[:-1], valid.lengths)
        tokens = positives.data + numpy.repeat(valid.starts[:-1], positives.lengths)
        ends = numpy.repeat(valid.starts[1:], valid.lengths)  # (n_tokens,)
        marked = numpy.zeros(len(places), dtype=bool)
        marked[tokens] = True
        yield Window(
            ids=ids.data[places],
            starts=valid.starts,
            ends=ends,
            marked=marked,
            stretches=_find_stretches(tokens, concepts, ends),
        )


def _find_stretches(tokens: Ints, concepts: Ints, ends: Ints) -> Ints:
    order = numpy.lexsort((tokens, concepts))
    tokens, concepts = tokens[order], concepts[order]  # (n_positives,)
    breaks = (
        (numpy.diff(tokens) != 1)
        | (numpy.diff(concepts) != 0)
        | (numpy.diff(ends[tokens]) != 0)
    )
    borders = numpy.flatnonzero(numpy.concatenate([[True], breaks, [True]]))
    firsts = borders[:-1]  # (n_mentions,)
    columns = (concepts[firsts], tokens[firsts], numpy.diff(borders))
    return numpy.stack(columns, axis=1)  # (n_mentions, 3)


def _find_cells(
    window: Window, often: dict[int, Marked], n_concepts: int
) -> tuple[Ragged, Ragged]:
    found = [numpy.zeros(0, dtype="int64")]
    for length, marked in often.items():
        hashes = hash_windows(window.ids, length)
        wanted = window.find_inside(length) & window.find_free(length)  # (n_tokens,)
        starts, rows = marked.find(hashes, wanted)  # (n_found,)
        pairs, concepts = marked.list_concepts(rows)  # (n_pairs,)
        tokens = starts[pairs][:, None] + numpy.arange(length)  # (n_pairs, length)
        found.append((tokens * n_concepts + concepts[:, None]).ravel())
    cells = numpy.unique(numpy.concatenate(found))  # (n_cells,)
    tokens, concepts = numpy.divmod(cells, n_concepts)
    borders = numpy.searchsorted(tokens, window.starts)  # (n_sentences + 1,)
    lengths = numpy.diff(borders)  # (n_sentences,)
    tokens -= numpy.repeat(window.starts[:-1], lengths)
    return (
        make_ragged(tokens.astype("int32"), lengths),
        make_ragged(concepts.astype("int32"), lengths),
    )
