"""Batches of tagged sentences, and how well they are tagged."""

from dataclasses import dataclass, field
from typing import Any

import numpy
from thinc.types import Floats2d
from thinc.util import get_array_module

from ..batch import Padded, TextPart
from ..ragged import Ints
from .data import UNSCORED, TagCorpus

# Sub-tokens of a batch of evaluation, padding included
MAX_PADDED = 8192


def make_tag_batch(
    corpus: TagCorpus, sentences: Ints, *, pad_id: int
) -> tuple[TextPart, Ints]:
    """Make the arrays of a batch.

    corpus (TagCorpus): The data.
    sentences (Ints): Places of the sentences, (n_texts,).
    pad_id (int): Id of the padding sub-token.
    RETURNS (tuple[TextPart, Ints]): The texts; the tag of each scored sub-token,
        (n_tokens,).
    """
    lengths = corpus.lengths[sentences]  # (n_texts,)
    mask = numpy.arange(lengths.max()) < lengths[:, None]  # (n_texts, length)
    ids = numpy.full(mask.shape, pad_id, dtype="int64")  # (n_texts, length)
    ids[mask] = numpy.concatenate([corpus.ids[i] for i in sentences])
    tags = numpy.full(mask.shape, UNSCORED, dtype="int64")  # (n_texts, length)
    tags[mask] = numpy.concatenate([corpus.tags[i] for i in sentences])
    flat = tags.ravel()  # (n_texts * length,)
    rows = numpy.flatnonzero(flat != UNSCORED)  # (n_tokens,)
    texts = Padded(ids=ids, mask=mask.astype("int64"))
    return TextPart(texts=texts, rows=rows, known=None), flat[rows]


def plan_evaluation(lengths: Ints) -> list[Ints]:
    """Divide sentences into batches by length.

    lengths (Ints): Sub-tokens of each, (n_sentences,).
    RETURNS (list[Ints]): Places of the sentences of each batch, the longest first.
    """
    batches: list[list[int]] = []
    longest = 0
    for i in numpy.argsort(-lengths, kind="stable").tolist():
        if not batches or (len(batches[-1]) + 1) * longest > MAX_PADDED:
            batches.append([])
            longest = int(lengths[i])
        batches[-1].append(i)
    return [numpy.asarray(batch) for batch in batches]


def cross_entropy(logits: Floats2d, tags: Ints) -> tuple[float, Floats2d]:
    """Cross-entropy of the tags, and its gradient.

    logits (Floats2d): (n_tokens, n_tags).
    tags (Ints): The right ones, (n_tokens,).
    RETURNS (tuple[float, Floats2d]): Mean over the tokens; (n_tokens, n_tags).
    """
    xp = get_array_module(logits)
    n = max(len(tags), 1)
    rows = xp.arange(len(tags))
    columns = xp.asarray(tags)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)  # (n_tokens, n_tags)
    exp = xp.exp(shifted)  # (n_tokens, n_tags)
    total = exp.sum(axis=1, keepdims=True)  # (n_tokens, 1)
    losses = xp.log(total[:, 0]) - shifted[rows, columns]  # (n_tokens,)
    gradient = exp / total  # (n_tokens, n_tags)
    gradient[rows, columns] -= 1.0
    return float(losses.sum(dtype="float64")) / n, gradient / n


@dataclass
class TagScores:
    """Sums over the scored sub-tokens of some batches."""

    loss: float = 0.0
    n_tokens: int = 0
    counts: list[list[int]] = field(
        default_factory=list
    )  # hits, guessed, right of each

    def add(self, logits: Floats2d, tags: Ints, loss: float) -> None:
        """Add a batch.

        logits (Floats2d): (n_tokens, n_tags).
        tags (Ints): The right ones, (n_tokens,).
        loss (float): Mean over the tokens.
        """
        # B and I of a label are one type
        guessed = _to_numpy(logits.argmax(axis=1)) + 1 >> 1  # (n_tokens,)
        right = tags + 1 >> 1  # (n_tokens,)
        n_types = logits.shape[1] + 1 >> 1
        found = [
            numpy.bincount(chosen, minlength=n_types)
            for chosen in (right[guessed == right], guessed, right)
        ]
        before = self.counts or [[0] * n_types] * 3
        self.counts = [
            (numpy.asarray(old) + new).tolist()
            for old, new in zip(before, found, strict=True)
        ]
        self.loss += loss * len(tags)
        self.n_tokens += len(tags)

    def means(self, prefix: str = "") -> dict[str, float]:
        """Divide by the numbers of sub-tokens.

        prefix (str): Put before the names.
        RETURNS (dict[str, float]): Mean loss, and the mean F1 over the labels that
            occur ("O" is none).
        """
        hits, guessed, right = (numpy.asarray(row[1:]) for row in self.counts)
        present = right > 0  # (n_labels,)
        f1 = 2 * hits[present] / (guessed + right)[present]  # (n_present,)
        return {
            f"{prefix}loss": self.loss / max(self.n_tokens, 1),
            f"{prefix}f1": float(f1.mean()) if present.any() else 0.0,
        }


def _to_numpy(array: Any) -> Ints:
    found: Ints = array.get() if hasattr(array, "get") else numpy.asarray(array)
    return found
