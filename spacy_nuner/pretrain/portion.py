"""The portion of a batch that one of many processes works on."""

from dataclasses import dataclass
from typing import Literal

import numpy

from .ragged import Ints

ConceptSharing = Literal["gather", "per_rank"]


@dataclass(frozen=True)
class Portion:
    """Which process, of how many, and whose concepts it compares its tokens with."""

    rank: int = 0
    size: int = 1
    concepts: ConceptSharing = "gather"

    @property
    def gathers(self) -> bool:
        """Whether tokens meet the concepts of the whole batch, made by all."""
        return self.size > 1 and self.concepts == "gather"

    def take(self, items: Ints) -> Ints:
        """Take its items.

        What is sorted by length is divided into portions that take the same time.

        items (Ints): Those of all, (n_items,).
        RETURNS (Ints): Its own, (n_own,).
        """
        return items[self.rank :: self.size]

    def count_busy(self, n_items: int) -> int:
        """Count the processes that have something to do.

        n_items (int): Items of all.
        RETURNS (int): Processes with an item.
        """
        return min(self.size, n_items)


WHOLE = Portion()


@dataclass(frozen=True)
class ConceptRows:
    """Who encodes which concept of a batch, and where its vector comes to lie."""

    own: Ints  # (n_own,): concepts of this process
    places: Ints  # (n_concepts,): row of each, where those of all lie end to end
    n_each: int  # rows that each process gives, the last ones empty


def divide_concepts(lengths: Ints, portion: Portion) -> ConceptRows:
    """Divide the concepts of a batch among the processes.

    lengths (Ints): Sub-tokens of each concept, (n_concepts,).
    portion (Portion): Which process.
    RETURNS (ConceptRows): Who encodes which.
    """
    by_length = numpy.argsort(lengths, kind="stable")  # (n_concepts,)
    turn = numpy.arange(len(lengths))  # (n_concepts,)
    n_each = -(-len(lengths) // portion.size)
    places = numpy.empty_like(by_length)
    places[by_length] = turn % portion.size * n_each + turn // portion.size
    return ConceptRows(own=portion.take(by_length), places=places, n_each=n_each)
