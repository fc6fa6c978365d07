"""Which cells (token, concept) of a batch are positive, and which do not count."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy
from numpy.typing import NDArray

from .wordpieces import Ints, Ragged

Floats = NDArray[numpy.float32]
Synonyms = Literal["keep", "mask", "soften"]
# A softened cell is never more than half a positive
MOST_SOFT = 0.5


@dataclass(frozen=True)
class Targets:
    """The cells of a batch, kept as what differs from 0.

    Two kinds of false negatives can be taken out (none of them in the paper's loss):
    cells of near-synonyms of a token's concept ("company", "company name"), by the
    similarity of the concepts; and cells of mentions that other sentences' annotators
    marked and this one's did not (see `unmarked.py`).
    """

    starts: Ints  # (n_texts + 1,): first token of each sentence, and the end
    n_concepts: int
    tokens: Ints  # (n_positives,), in rising order
    concepts: Ints  # (n_positives,)
    left_out_tokens: Ints | None = None  # (n_left_out,), in rising order
    left_out_concepts: Ints | None = None  # (n_left_out,)
    similarity: Floats | None = None  # (n_concepts, n_concepts), cosine
    synonyms: Synonyms = "keep"
    threshold: float = 1.0  # similarity from which concepts are near-synonyms

    @property
    def n_tokens(self) -> int:
        """Valid sub-tokens of the batch."""
        return int(self.starts[-1])

    @property
    def n_cells(self) -> int:
        """Cells of the whole batch."""
        return self.n_tokens * self.n_concepts

    def make_dense(self, start: int, end: int) -> tuple[Floats, Floats | None]:
        """Write out the cells of some tokens.

        start (int): The first token.
        end (int): Behind the last token.
        RETURNS (tuple[Floats, Floats | None]): Targets from 0 to 1 and weights 0 or 1,
            (end - start, n_concepts) each; None: all weights are 1.
        """
        values = numpy.zeros((end - start, self.n_concepts), dtype="float32")
        rows, columns = cut(self.tokens, self.concepts, start, end)
        values[rows, columns] = 1.0
        weights: Floats | None = None
        if self.similarity is not None and self.synonyms != "keep":
            # (n_tokens, n_concepts): similarity to the nearest concept of the token
            nearest = numpy.full_like(values, -1.0)
            numpy.maximum.at(nearest, rows, self.similarity[columns])
            near = (nearest >= self.threshold) & (values == 0)
            if self.synonyms == "mask":
                weights = numpy.where(near, 0.0, 1.0).astype("float32")
            else:
                share = (nearest - self.threshold) / max(1.0 - self.threshold, 1e-6)
                values[near] = MOST_SOFT * numpy.minimum(share[near], 1.0)
        if self.left_out_tokens is not None and self.left_out_concepts is not None:
            rows, columns = cut(
                self.left_out_tokens, self.left_out_concepts, start, end
            )
            if weights is None:
                weights = numpy.ones_like(values)
            weights[rows, columns] = 0.0
            # A mention that was marked counts, whatever else is known of it
            weights[values == 1.0] = 1.0
        return values, weights


@dataclass(frozen=True)
class TargetRules:
    """What is known of the false negatives of a whole corpus."""

    # (n_concepts of the corpus, width), of length 1; in half precision on the disk
    vectors: NDArray[numpy.floating] | None = None
    synonyms: Synonyms = "keep"
    threshold: float = 1.0
    left_out_tokens: Ragged | None = None  # of each sentence: tokens of cells
    left_out_concepts: Ragged | None = None  # parallel to it: indices of concepts

    def apply(self, targets: Targets, *, sentences: Ints, concepts: Ints) -> Targets:
        """Say which cells of a batch are left out or softened.

        targets (Targets): The cells of the batch, as the corpus has them.
        sentences (Ints): Indices of its sentences, (n_texts,).
        concepts (Ints): Indices of its concepts in rising order, (n_concepts,).
        RETURNS (Targets): The same with what this corpus knows.
        """
        if self.vectors is not None:
            chosen = self.vectors[concepts].astype("float32")  # (n_concepts, width)
            targets = replace(
                targets,
                similarity=chosen @ chosen.T,  # (n_concepts, n_concepts)
                synonyms=self.synonyms,
                threshold=self.threshold,
            )
        if self.left_out_tokens is None or self.left_out_concepts is None:
            return targets
        starts = targets.starts
        tokens = numpy.concatenate(
            [self.left_out_tokens[i] + starts[n] for n, i in enumerate(sentences)]
        )  # (n_cells,)
        found = numpy.concatenate([self.left_out_concepts[i] for i in sentences])
        columns = numpy.searchsorted(concepts, found)  # (n_cells,)
        columns = numpy.minimum(columns, len(concepts) - 1)
        here = concepts[columns] == found  # (n_cells,)
        return replace(
            targets,
            left_out_tokens=tokens[here],
            left_out_concepts=columns[here],
        )


PAPER_RULES = TargetRules()


def cut(tokens: Ints, concepts: Ints, start: int, end: int) -> tuple[Ints, Ints]:
    """Take the cells of some tokens.

    tokens (Ints): Tokens of the cells in rising order, (n_cells,).
    concepts (Ints): Their concepts, (n_cells,).
    start (int): The first token.
    end (int): Behind the last token.
    RETURNS (tuple[Ints, Ints]): Tokens counted from `start`, and concepts.
    """
    first, last = numpy.searchsorted(tokens, [start, end])
    return tokens[first:last] - start, concepts[first:last]
