"""How often rows of sub-tokens are marked with which concept, and where they occur."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy
from numpy.typing import NDArray

from .ragged import Ints, Ragged, make_ragged

# A polynomial hash of sub-token ids, modulo 2^64
FACTOR = numpy.uint64(0x9E3779B97F4A7C15)
# Bits of a hash that a first look goes by
N_BITS = 22
# So many new mentions are counted together
AT_ONCE = 500_000

Hashes = NDArray[numpy.uint64]


def hash_windows(ids: Ints, length: int) -> Hashes:
    """Hash all rows of so many ids.

    ids (Ints): Sub-token ids, (n_tokens,).
    length (int): Ids of a row.
    RETURNS (Hashes): Hash of the row that starts at each id, (n_tokens,). Those at the
        end, which have fewer ids, are 0.
    """
    hashes = numpy.zeros(len(ids), dtype="uint64")
    n = max(len(ids) - length + 1, 0)
    for offset in range(length):
        hashes[:n] *= FACTOR
        hashes[:n] += ids[offset : offset + n].astype("uint64") + numpy.uint64(1)
    return hashes


@dataclass(frozen=True)
class Marked:
    """Rows of sub-tokens of one length that were marked as mentions."""

    keys: Hashes  # (n_keys,), in rising order
    counts: Ints  # (n_keys,): how often each was marked
    concepts: Ragged  # of each: what it was marked with

    def choose(self, wanted: NDArray[numpy.bool_]) -> "Marked":
        """Keep some of them.

        wanted (NDArray[numpy.bool_]): Which ones, (n_keys,).
        RETURNS (Marked): Those.
        """
        lengths = self.concepts.lengths
        data = self.concepts.data[numpy.repeat(wanted, lengths)]
        concepts = make_ragged(data, lengths[wanted])
        return Marked(self.keys[wanted], self.counts[wanted], concepts)

    def find(self, hashes: Hashes, wanted: NDArray[numpy.bool_]) -> tuple[Ints, Ints]:
        """Find where they occur.

        hashes (Hashes): Hash of the row that starts at each token, (n_tokens,).
        wanted (NDArray[numpy.bool_]): Where to look, (n_tokens,).
        RETURNS (tuple[Ints, Ints]): First tokens in rising order, (n_found,), and which
            of the keys starts there.
        """
        if not len(self.keys):
            nothing = numpy.zeros(0, dtype="int64")
            return nothing, nothing
        # Nearly all rows are none of them, and a table tells it faster than a search
        likely = numpy.flatnonzero(wanted & self._table[_shorten(hashes)])
        hashes = hashes[likely]
        rows = numpy.searchsorted(self.keys, hashes)
        rows = numpy.minimum(rows, len(self.keys) - 1)
        same = self.keys[rows] == hashes
        return likely[same], rows[same]

    def list_concepts(self, rows: Ints) -> tuple[Ints, Ints]:
        """List what some keys were marked with.

        rows (Ints): The keys, (n_rows,).
        RETURNS (tuple[Ints, Ints]): Pairs of an index into `rows` and a concept,
            (n_pairs,) each.
        """
        lengths = self.concepts.lengths[rows]  # (n_rows,)
        pairs = numpy.repeat(numpy.arange(len(rows)), lengths)  # (n_pairs,)
        # From the place among all pairs to the one among the concepts
        shifts = self.concepts.starts[rows] - numpy.cumsum(lengths) + lengths
        return pairs, self.concepts.data[numpy.arange(len(pairs)) + shifts[pairs]]

    @cached_property
    def _table(self) -> NDArray[numpy.bool_]:
        table = numpy.zeros(2**N_BITS, dtype=bool)
        table[_shorten(self.keys)] = True
        return table


@dataclass
class Tally:
    """Counts marked rows; each pair of row and concept is kept once."""

    keys: Hashes = field(default_factory=lambda: numpy.zeros(0, dtype="uint64"))
    concepts: Ints = field(default_factory=lambda: numpy.zeros(0, dtype="int32"))
    counts: Ints = field(default_factory=lambda: numpy.zeros(0, dtype="int64"))
    _new: list[tuple[Hashes, Ints]] = field(default_factory=list)

    def add(self, keys: Hashes, concepts: Ints) -> None:
        """Count further mentions.

        keys (Hashes): Their rows of sub-tokens, (n_mentions,).
        concepts (Ints): What they are marked with, (n_mentions,).
        """
        self._new.append((keys, concepts.astype("int32")))
        # Seldom enough that the sorting does not take most of the time
        if sum(len(new) for new, _ in self._new) > max(AT_ONCE, len(self.keys)):
            self._merge()

    def settle(self, *, min_marked: int) -> Marked:
        """Put together what was marked often enough.

        min_marked (int): How often it has to be.
        RETURNS (Marked): Those.
        """
        self._merge()
        borders = numpy.flatnonzero(_find_breaks(self.keys))  # (n_keys,)
        lengths = numpy.diff(borders, append=len(self.keys))  # (n_keys,)
        if not len(borders):
            counts = numpy.zeros(0, dtype="int64")
        else:
            counts = numpy.add.reduceat(self.counts, borders)
        concepts = make_ragged(self.concepts, lengths)
        marked = Marked(self.keys[borders], counts, concepts)
        return marked.choose(counts >= min_marked)

    def _merge(self) -> None:
        keys = numpy.concatenate([self.keys, *(new for new, _ in self._new)])
        concepts = numpy.concatenate([self.concepts, *(new for _, new in self._new)])
        counts = numpy.ones(len(keys), dtype="int64")
        counts[: len(self.counts)] = self.counts
        self._new.clear()
        if not len(keys):
            return
        order = numpy.lexsort((concepts, keys))
        keys, concepts = keys[order], concepts[order]
        borders = numpy.flatnonzero(_find_breaks(keys) | _find_breaks(concepts))
        self.keys, self.concepts = keys[borders], concepts[borders]
        self.counts = numpy.add.reduceat(counts[order], borders)


def _find_breaks(values: NDArray) -> NDArray[numpy.bool_]:
    breaks = numpy.ones(len(values), dtype=bool)
    breaks[1:] = values[1:] != values[:-1]
    return breaks


def _shorten(hashes: Hashes) -> NDArray[numpy.uint64]:
    return (hashes * FACTOR) >> numpy.uint64(64 - N_BITS)
