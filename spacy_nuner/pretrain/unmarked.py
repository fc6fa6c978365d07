"""Mentions that other sentences' annotators marked, and this one's did not.

An LLM does not mark everything. A word that is marked as a "company" in most sentences
and in this one not at all is hardly a good negative for "company".
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy
from numpy.typing import NDArray

from .wordpieces import Ints, Ragged, SubtokenCorpus

logger = logging.getLogger(__name__)

# A mention has to be marked so often, and in such a share of its occurrences
MIN_MARKED = 2
MIN_SHARE = 0.3
# Sub-tokens of the longest mention that is looked for
MAX_LENGTH = 8
# A polynomial hash of sub-token ids, modulo 2^64
FACTOR = numpy.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[numpy.uint64]


def find_unmarked(corpus: SubtokenCorpus) -> tuple[Ragged, Ragged]:
    """Find the cells of mentions that were left unmarked.

    A mention is a row of sub-tokens that was marked at least twice and in at least 0.3
    of the places where it occurs. Where none of its sub-tokens is part of a mention,
    its cells with all concepts that it was marked with are found.

    corpus (SubtokenCorpus): The training part.
    RETURNS (tuple[Ragged, Ragged]): Of each sentence the tokens of the cells, indices
        into its valid sub-tokens in rising order, and parallel to it their concepts.
    """
    ids = numpy.concatenate(
        [corpus.ids[i][corpus.valid[i]] for i in range(len(corpus))]
    )
    starts = corpus.valid.starts  # (n_sentences + 1,)
    marked = numpy.zeros(len(ids), dtype=bool)  # (n_tokens,)
    n_marked: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    hashes = {n: hash_windows(ids, n) for n in range(1, MAX_LENGTH + 1)}
    for i in range(len(corpus)):
        marked[starts[i] + corpus.positive_tokens[i]] = True
        for concept, first, length in iterate_stretches(corpus, i):
            if length <= MAX_LENGTH:
                key = int(hashes[length][starts[i] + first])
                n_marked[length][key, concept] += 1
    ends = numpy.repeat(starts[1:], corpus.valid.lengths)  # (n_tokens,)
    cells: list[Ints] = []  # (n_found, 2) each: token of the corpus, concept
    for length, counts in n_marked.items():
        cells += find_places(
            hashes[length], counts, marked=marked, ends=ends, length=length
        )
    found = numpy.concatenate([numpy.zeros((0, 2), dtype="int64"), *cells])
    found = numpy.unique(found, axis=0)  # (n_cells, 2), tokens in rising order
    borders = numpy.searchsorted(found[:, 0], starts)  # (n_sentences + 1,)
    offsets = numpy.repeat(starts[:-1], numpy.diff(borders))  # (n_cells,)
    logger.info("%d cells of unmarked mentions", len(found))
    return (
        Ragged((found[:, 0] - offsets).astype("int32"), borders),
        Ragged(found[:, 1].astype("int32"), borders),
    )


def hash_windows(ids: Ints, length: int) -> Hashes:
    """Hash all rows of so many ids.

    ids (Ints): Sub-token ids, (n_tokens,).
    length (int): Ids of a row.
    RETURNS (Hashes): Hash of the row that starts at each id, (n_tokens,). Those at the
        end, which have fewer ids, are 0.
    """
    hashes = numpy.zeros(len(ids), dtype="uint64")
    n = len(ids) - length + 1
    for offset in range(length):
        hashes[:n] *= FACTOR
        hashes[:n] += ids[offset : offset + n].astype("uint64") + numpy.uint64(1)
    return hashes


def iterate_stretches(
    corpus: SubtokenCorpus, sentence: int
) -> Iterator[tuple[int, int, int]]:
    """Go through the mentions of a sentence.

    corpus (SubtokenCorpus): The corpus.
    sentence (int): Index of the sentence.
    YIELDS (tuple[int, int, int]): Concept, first token, length. Neighbouring mentions
        of one concept are one.
    """
    tokens = corpus.positive_tokens[sentence]  # (n_positives,)
    concepts = corpus.positive_concepts[sentence]  # (n_positives,)
    order = numpy.lexsort((tokens, concepts))
    tokens, concepts = tokens[order], concepts[order]
    breaks = (numpy.diff(tokens) != 1) | (numpy.diff(concepts) != 0)
    borders = [0, *(numpy.flatnonzero(breaks) + 1), len(tokens)]
    for start, end in pairwise(borders):
        yield int(concepts[start]), int(tokens[start]), int(end - start)


def find_places(
    hashes: Hashes,
    counts: Counter[tuple[int, int]],
    *,
    marked: NDArray[numpy.bool_],
    ends: Ints,
    length: int,
) -> Iterator[Ints]:
    """Find where mentions of one length occur unmarked.

    hashes (Hashes): Hash of the row that starts at each token, (n_tokens,).
    counts (Counter): How often a row, by its hash, was marked with a concept.
    marked (NDArray[numpy.bool_]): Whether a token is part of a mention, (n_tokens,).
    ends (Ints): End of each token's sentence, (n_tokens,).
    length (int): Sub-tokens of the mentions.
    YIELDS (Ints): Cells (token, concept), (n_found, 2).
    """
    keys = numpy.fromiter((key for key, _ in counts), dtype="uint64")
    keys, rows = numpy.unique(keys, return_inverse=True)  # (n_keys,)
    n_marked = numpy.bincount(rows, weights=list(counts.values()))  # (n_keys,)
    positions = numpy.arange(len(hashes))
    inside = positions + length <= ends  # (n_tokens,)
    nearest = numpy.minimum(numpy.searchsorted(keys, hashes), len(keys) - 1)
    occurs = inside & (keys[nearest] == hashes)  # (n_tokens,)
    n_occurs = numpy.bincount(nearest[occurs], minlength=len(keys))  # (n_keys,)
    often = (n_marked >= MIN_MARKED) & (n_marked >= MIN_SHARE * n_occurs)
    touched = numpy.concatenate([[0], numpy.cumsum(marked)])  # (n_tokens + 1,)
    free = numpy.zeros(len(hashes), dtype=bool)
    last = numpy.minimum(positions + length, len(hashes))
    free[inside] = (touched[last] == touched[positions])[inside]
    concepts: dict[int, list[int]] = defaultdict(list)
    for (_, concept), row in zip(counts, rows, strict=True):
        concepts[int(row)].append(concept)
    for start in numpy.flatnonzero(occurs & free & often[nearest]):
        ours = concepts[int(nearest[start])]
        tokens = numpy.repeat(numpy.arange(start, start + length), len(ours))
        yield numpy.stack([tokens, numpy.tile(ours, length)], axis=1)
