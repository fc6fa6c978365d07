"""Scores on the dev part: loss, and the rank of a mention's concept among all."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import numpy
from thinc.types import Floats2d
from thinc.util import get_array_module, to_numpy

from ..errors import Errors, Warnings
from .batch import (
    PretrainBatch,
    find_concepts,
    group_by_length,
    make_batch,
    plan_epoch,
)
from .contrast import contrast
from .loss import InBatchBCE
from .memory import Lack, OutOfMemory, attempt
from .model import ContrastiveModel, get_link, get_towers
from .portion import WHOLE, Portion
from .scores import Scores
from .wordpieces import Ints, SubtokenCorpus
from .world import ALONE, World

logger = logging.getLogger(__name__)

HITS = 10
# By which score the best checkpoint is chosen
BestBy = Literal["dev_mrr", "dev_hits10", "dev_first", "dev_loss"]
LOWER_IS_BETTER = {"dev_loss"}
# Concepts, or sentences, that are encoded together
PER_CALL = 256
SENTENCES_PER_CALL = 48


@dataclass
class Ranks:
    """Where the right concepts stand among all concepts of the dev part."""

    n: int = 0
    reciprocals: float = 0.0
    hits: int = 0
    first: int = 0

    def add(self, logits: Floats2d, tokens: Ints, concepts: Ints) -> None:
        """Rank the positives of some tokens.

        A token's other positives do not count against it. Of equal logits, half are
        taken to be above: encoders that make one vector of all concepts get no good
        rank. What is not a number is above all.

        logits (Floats2d): (n_tokens, n_concepts).
        tokens (Ints): Tokens of the positives, (n_positives,).
        concepts (Ints): Their concepts, (n_positives,).
        """
        xp, cells = get_array_module(logits), cast(Any, logits)
        marked = xp.zeros(logits.shape, dtype=bool)
        marked[tokens, concepts] = True
        own = cells[tokens, concepts][:, None]  # (n_positives, 1)
        others = ~marked[tokens]  # (n_positives, n_concepts)
        n_below = ((cells[tokens] < own) & others).sum(axis=1)  # (n_positives,)
        n_equal = ((cells[tokens] == own) & others).sum(axis=1)  # (n_positives,)
        n_above = others.sum(axis=1) - n_below - n_equal  # (n_positives,)
        ranks = to_numpy(1 + n_above + n_equal / 2)  # (n_positives,)
        self.n += len(ranks)
        self.reciprocals += float((1.0 / ranks).sum())
        self.hits += int((ranks <= HITS).sum())
        self.first += int((ranks == 1).sum())

    def means(self) -> dict[str, float]:
        """RETURNS (dict[str, float]): Mean reciprocal rank, shares of the first 10 and
        of the first place."""
        n = max(self.n, 1)
        return {
            "dev_mrr": self.reciprocals / n,
            f"dev_hits{HITS}": self.hits / n,
            "dev_first": self.first / n,
        }


def evaluate(
    model: ContrastiveModel,
    loss: InBatchBCE,
    corpus: SubtokenCorpus,
    *,
    seed: int,
    world: World = ALONE,
) -> dict[str, float]:
    """Score the model on the dev part. If memory runs out, in smaller calls.

    model (Model): The contrastive model.
    loss (InBatchBCE): The loss.
    corpus (SubtokenCorpus): The dev part.
    seed (int): Which sentences share a batch follows from it: the loss is over the
        concepts of a batch, as in training.
    world (World): The processes; each takes some of the batches.
    RETURNS (dict[str, float]): `dev_loss`, mean probabilities `dev_p_pos` and
        `dev_p_neg`; and over all positives, ranked among all concepts of the dev part,
        `dev_mrr` (mean reciprocal rank), `dev_hits10` and `dev_first`.
    RAISES (OutOfMemory): If not even one sentence, or concept, at a time fits.
    """
    scores, ranks, n_parts = Scores(), Ranks(), 1
    vectors = encode_concepts(model, corpus)  # (n_concepts, width)
    for batch, sentences in iterate_dev(corpus, seed=seed, portion=world.portion):
        compare = partial(compare_batch, model, loss, corpus, sentences, vectors)
        while isinstance(found := attempt(partial(compare, n_parts=n_parts)), Lack):
            # Twice at least: the second time, concepts are not encoded again
            if n_parts >= max(len(sentences), 2):
                at = {"what": "sentences", "setting": "pretrain.max_length"}
                raise OutOfMemory(Errors.N387.format(error=found.problem, **at))
            n_parts = min(2 * n_parts, max(len(sentences), 2))
            n = -(-len(sentences) // n_parts)
            at = {"what": "sentences", "n": n, "error": found.problem}
            logger.warning(Warnings.W303.format(**at))
        H, own = found  # (n_tokens, width)
        scores.merge(own)
        starts = batch.targets.starts  # (n_texts + 1,)
        for n, i in enumerate(sentences):
            tokens, rows = numpy.unique(corpus.positive_tokens[i], return_inverse=True)
            # (n_tokens of mentions, n_concepts)
            logits = model.ops.gemm(H[starts[n] + tokens], vectors, trans2=True)
            ranks.add(logits, rows, corpus.positive_concepts[i])
    world.add_record(scores)
    world.add_record(ranks)
    return scores.means("dev_") | ranks.means()


def compare_batch(
    model: ContrastiveModel,
    loss: InBatchBCE,
    corpus: SubtokenCorpus,
    sentences: Ints,
    vectors: Floats2d,
    *,
    n_parts: int,
) -> tuple[Floats2d, Scores]:
    """Encode the sentences of a batch and compare them with the concepts in it.

    model (Model): The contrastive model.
    loss (InBatchBCE): The loss.
    corpus (SubtokenCorpus): The dev part.
    sentences (Ints): Indices of the sentences, (n_texts,).
    vectors (Floats2d): Vectors of all concepts, (n_concepts, width). They are taken
        where there is more than one part.
    n_parts (int): Parts in which sentences are encoded and cells are compared.
    RETURNS (tuple[Floats2d, Scores]): Token vectors, (n_tokens, width); scores.
    """
    batch = make_batch(corpus, sentences, n_parts=n_parts)
    max_cells = 0
    if n_parts == 1:
        H, C = model.predict(batch)  # (n_tokens, width), (n_batch_concepts, width)
    else:
        texts, _ = get_towers(model)
        parts = [texts.predict(part) for part in batch.parts]
        H = get_array_module(parts[0]).concatenate(parts)  # (n_tokens, width)
        chosen = cast(Any, find_concepts(corpus, sentences))
        C = cast(Floats2d, vectors[chosen])  # (n_batch_concepts, width)
        max_cells = -(-batch.targets.n_cells // n_parts)
    found = contrast(
        H,
        C,
        get_link(model),
        batch.targets,
        loss=loss,
        ops=model.ops,
        max_cells=max_cells,
    )
    return H, found.scores


def encode_concepts(
    model: ContrastiveModel, corpus: SubtokenCorpus, chosen: Ints | None = None
) -> Floats2d:
    """Encode concepts of a corpus. If memory runs out, half as many at once.

    model (Model): The contrastive model.
    corpus (SubtokenCorpus): The corpus.
    chosen (Ints | None): Indices of the concepts, (n_concepts,); None: all.
    RETURNS (Floats2d): (n_concepts, width).
    RAISES (OutOfMemory): If not even one concept at a time fits.
    """
    _, concepts = get_towers(model)
    parts: list[Floats2d] = []
    if chosen is None:
        chosen = numpy.arange(len(corpus.concept_ids))
    lengths = corpus.concept_ids.lengths[chosen]  # (n_concepts,)
    order = numpy.argsort(lengths, kind="stable")  # (n_concepts,)
    start, n_each = 0, PER_CALL
    while start < len(order):
        part = chosen[order[start : start + n_each]]
        groups = group_by_length(corpus.concept_ids, part, corpus.concept_pad_id)
        found = attempt(partial(concepts.predict, groups))  # (n_part, width)
        if not isinstance(found, Lack):
            parts.append(found)
            start += len(part)
            continue
        if len(part) == 1:
            at = {"what": "concepts", "setting": "pretrain.max_concept_length"}
            raise OutOfMemory(Errors.N387.format(error=found.problem, **at))
        n_each = len(part) // 2
        at = {"what": "concepts", "n": n_each, "error": found.problem}
        logger.warning(Warnings.W303.format(**at))
    by_length = get_array_module(parts[0]).concatenate(parts)  # (n_concepts, width)
    # Back from the order of lengths
    return cast(Floats2d, by_length[numpy.argsort(order)])


def iterate_dev(
    corpus: SubtokenCorpus, *, seed: int, portion: Portion = WHOLE
) -> Iterator[tuple[PretrainBatch, Ints]]:
    """Make the dev batches: the same ones after every epoch.

    corpus (SubtokenCorpus): The dev part.
    seed (int): Decides which sentences share a batch.
    portion (Portion): Which process, of how many: it gets every so many-th batch.
    YIELDS (tuple[PretrainBatch, Ints]): A batch and the indices of its sentences.
    """
    plan = plan_epoch(
        corpus.ids.lengths, batch_size=SENTENCES_PER_CALL, seed=seed, epoch=0, bucket=16
    )
    for sentences in plan[portion.rank :: portion.size]:
        yield make_batch(corpus, sentences), sentences
