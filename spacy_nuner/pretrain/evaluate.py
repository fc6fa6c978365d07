"""Scores on the dev part: loss, and the rank of a mention's concept among all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy
from thinc.types import Floats2d
from thinc.util import get_array_module, to_numpy

from .batch import PretrainBatch, group_by_length, make_batch, plan_epoch
from .contrast import contrast
from .loss import InBatchBCE
from .model import ContrastiveModel, get_link, get_towers
from .portion import WHOLE, Portion
from .scores import Scores
from .wordpieces import Ints, SubtokenCorpus
from .world import ALONE, World

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
    """Score the model on the dev part.

    model (Model): The contrastive model.
    loss (InBatchBCE): The loss.
    corpus (SubtokenCorpus): The dev part.
    seed (int): Which sentences share a batch follows from it: the loss is over the
        concepts of a batch, as in training.
    world (World): The processes; each takes some of the batches.
    RETURNS (dict[str, float]): `dev_loss`, mean probabilities `dev_p_pos` and
        `dev_p_neg`; and over all positives, ranked among all concepts of the dev part,
        `dev_mrr` (mean reciprocal rank), `dev_hits10` and `dev_first`.
    """
    scores, ranks = Scores(), Ranks()
    vectors = encode_concepts(model, corpus)  # (n_concepts, width)
    link = get_link(model)
    for batch, sentences in iterate_dev(corpus, seed=seed, portion=world.portion):
        H, C = model.predict(batch)  # (n_tokens, width), (n_batch_concepts, width)
        found = contrast(H, C, link, batch.targets, loss=loss, ops=model.ops)
        scores.merge(found.scores)
        starts = batch.targets.starts  # (n_texts + 1,)
        for n, i in enumerate(sentences):
            tokens, rows = numpy.unique(corpus.positive_tokens[i], return_inverse=True)
            # (n_tokens of mentions, n_concepts)
            logits = model.ops.gemm(H[starts[n] + tokens], vectors, trans2=True)
            ranks.add(logits, rows, corpus.positive_concepts[i])
    world.add_record(scores)
    world.add_record(ranks)
    return scores.means("dev_") | ranks.means()


def encode_concepts(
    model: ContrastiveModel, corpus: SubtokenCorpus, chosen: Ints | None = None
) -> Floats2d:
    """Encode concepts of a corpus.

    model (Model): The contrastive model.
    corpus (SubtokenCorpus): The corpus.
    chosen (Ints | None): Indices of the concepts, (n_concepts,); None: all.
    RETURNS (Floats2d): (n_concepts, width).
    """
    _, concepts = get_towers(model)
    parts = []
    if chosen is None:
        chosen = numpy.arange(len(corpus.concept_ids))
    lengths = corpus.concept_ids.lengths[chosen]  # (n_concepts,)
    order = numpy.argsort(lengths, kind="stable")  # (n_concepts,)
    for start in range(0, len(order), PER_CALL):
        part = chosen[order[start : start + PER_CALL]]
        groups = group_by_length(corpus.concept_ids, part, corpus.concept_pad_id)
        parts.append(concepts.predict(groups))  # (n_part, width)
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
