"""Rows of different lengths in one flat array."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy
from numpy.typing import NDArray

Ints = NDArray[numpy.integer]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, end to end. The arrays may be on the disk."""

    data: Ints  # (sum of lengths,)
    starts: Ints  # (n_rows + 1,)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> Ints:
        return self.data[self.starts[i] : self.starts[i + 1]]

    @cached_property
    def lengths(self) -> Ints:
        """Length of each row, (n_rows,)."""
        # Kept: each batch asks for those of its rows
        return numpy.diff(self.starts).astype("int32")

    def cut(self, start: int, end: int) -> "Ragged":
        """Take neighbouring rows.

        start (int): The first row.
        end (int): Behind the last row.
        RETURNS (Ragged): The rows. Their data is not copied.
        """
        starts = self.starts[start : end + 1]  # (n_rows + 1,)
        return Ragged(self.data[starts[0] : starts[-1]], starts - starts[0])


def make_ragged(data: Ints, lengths: Ints) -> Ragged:
    """Say where the rows of a flat array begin.

    data (Ints): The rows end to end, (sum of lengths,).
    lengths (Ints): Their lengths, (n_rows,).
    RETURNS (Ragged): The rows.
    """
    starts = numpy.zeros(len(lengths) + 1, dtype="int64")
    numpy.cumsum(lengths, out=starts[1:])
    return Ragged(data=data, starts=starts)


def flatten(rows: Sequence[Sequence[int]]) -> Ragged:
    """Make one flat array of lists.

    rows (Sequence[Sequence[int]]): The rows.
    RETURNS (Ragged): The same rows.
    """
    lengths = numpy.fromiter((len(row) for row in rows), dtype="int64", count=len(rows))
    numbers = chain.from_iterable(rows)
    data = numpy.fromiter(numbers, dtype="int32", count=int(lengths.sum()))
    return make_ragged(data, lengths)


def join(parts: Iterable[Ragged]) -> Ragged:
    """Put rows behind each other.

    parts (Iterable[Ragged]): Some rows each, at least one part.
    RETURNS (Ragged): All rows.
    """
    parts = list(parts)
    data = numpy.concatenate([part.data for part in parts])
    return make_ragged(data, numpy.concatenate([part.lengths for part in parts]))
