"""Dev scores against a second implementation: one sentence, one concept at a time."""

import logging
import math
from pathlib import Path

import numpy
import pytest
import torch
from torch import nn

from spacy_nuner.pretrain.batch import plan_epoch
from spacy_nuner.pretrain.evaluate import SENTENCES_PER_CALL, Ranks, evaluate
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.memory import OutOfMemory
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
)
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

TEMPERATURE, BIAS = 2.0, -3.0


@pytest.fixture(scope="module")
def model(tiny_encoder: Path) -> ContrastiveModel:
    """Random encoders, far enough from each other that ranks differ."""
    model = build_contrastive_model(
        str(tiny_encoder),
        temperature=TEMPERATURE,
        bias=BIAS,
        pooling="mean",
        n_frozen_layers=1,
    )
    generator = torch.Generator().manual_seed(0)
    for encoder in get_encoders(model):
        for weight in encoder.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.data.add_(0.3 * noise)
    return model


def encode(
    model: ContrastiveModel, corpus: SubtokenCorpus
) -> tuple[list[numpy.ndarray], numpy.ndarray]:
    """Token vectors of each sentence and concept vectors, without padding."""
    texts, concepts = get_encoders(model)
    texts.eval(), concepts.eval()
    with torch.no_grad():
        tokens = []
        for i in range(len(corpus)):
            ids = torch.tensor(corpus.ids[i].tolist())[None]
            hidden = texts.model(ids, torch.ones_like(ids)).last_hidden_state[0]
            tokens.append(hidden.numpy()[corpus.valid[i]].astype("float64"))
        vectors = []
        for c in range(len(corpus.concepts)):
            ids = torch.tensor(corpus.concept_ids[c].tolist())[None]
            hidden = concepts.model(ids, torch.ones_like(ids)).last_hidden_state[0]
            vectors.append(hidden.mean(0).numpy().astype("float64"))
    return tokens, numpy.stack(vectors)


def list_positives(corpus: SubtokenCorpus, i: int) -> set[tuple[int, int]]:
    tokens, concepts = corpus.positive_tokens[i], corpus.positive_concepts[i]
    return {(int(t), int(c)) for t, c in zip(tokens, concepts, strict=True)}


def test_ranks(model: ContrastiveModel, subtokens: SubtokenCorpus) -> None:
    tokens, vectors = encode(model, subtokens)
    ranks = []
    for i in range(len(subtokens)):
        marked = list_positives(subtokens, i)
        for token, concept in marked:
            logits = [float(tokens[i][token] @ vector) for vector in vectors]
            rank = 1
            for other, logit in enumerate(logits):
                if (token, other) not in marked and logit > logits[concept]:
                    rank += 1
            ranks.append(rank)
    # No ranks that any model would get
    assert len(set(ranks)) > 50
    found = evaluate(model, InBatchBCE(), subtokens, seed=0)
    n = len(ranks)
    assert found["dev_mrr"] == pytest.approx(sum(1 / r for r in ranks) / n, rel=1e-3)
    assert found["dev_hits10"] == pytest.approx(sum(r <= 10 for r in ranks) / n, 1e-3)
    assert found["dev_first"] == pytest.approx(sum(r == 1 for r in ranks) / n, 1e-3)
    assert found["dev_first"] < found["dev_mrr"] < found["dev_hits10"]


def test_loss_and_probabilities(
    model: ContrastiveModel, subtokens: SubtokenCorpus
) -> None:
    """Over the concepts of the batch, as in training."""
    tokens, vectors = encode(model, subtokens)
    losses, p_positive, p_negative = [], [], []
    plan = plan_epoch(
        subtokens.ids.lengths, batch_size=SENTENCES_PER_CALL, seed=5, epoch=0, bucket=16
    )
    for batch in plan:
        concepts = sorted({c for i in batch for _, c in list_positives(subtokens, i)})
        for i in batch:
            marked = list_positives(subtokens, i)
            for token, vector in enumerate(tokens[i]):
                for concept in concepts:
                    z = float(vector @ vectors[concept]) / TEMPERATURE + BIAS
                    p = 1 / (1 + math.exp(-z))
                    is_positive = (token, concept) in marked
                    (p_positive if is_positive else p_negative).append(p)
                    losses.append(-math.log(p if is_positive else 1 - p))
    found = evaluate(model, InBatchBCE(), subtokens, seed=5)
    assert found["dev_loss"] == pytest.approx(numpy.mean(losses), rel=1e-3)
    assert found["dev_p_pos"] == pytest.approx(numpy.mean(p_positive), rel=1e-3)
    assert found["dev_p_neg"] == pytest.approx(numpy.mean(p_negative), rel=1e-3)


def refuse_above(model: ContrastiveModel, n_texts: int, *, tower: int) -> list[int]:
    """Let an encoder have no memory for more than so many texts at once.

    RETURNS (list[int]): How many it took, call by call.
    """
    sizes: list[int] = []

    def look(module: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if len(args[0]) > n_texts:
            torch.empty(2**60, dtype=torch.uint8)
        sizes.append(len(args[0]))

    layers = get_encoders(model)[tower].model.encoder.layer
    layers[1].register_forward_pre_hook(look)
    return sizes


@pytest.mark.parametrize(
    "tower,n_texts,what", [(0, 5, "sentences"), (1, 9, "concepts")]
)
def test_smaller_calls_where_memory_runs_out(
    tiny_encoder: Path,
    subtokens: SubtokenCorpus,
    caplog: pytest.LogCaptureFixture,
    tower: int,
    n_texts: int,
    what: str,
) -> None:
    model = build_contrastive_model(str(tiny_encoder), n_frozen_layers=1)
    expected = evaluate(model, InBatchBCE(), subtokens, seed=0)
    caplog.clear()
    sizes = refuse_above(model, n_texts, tower=tower)
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        found = evaluate(model, InBatchBCE(), subtokens, seed=0)
    assert found == pytest.approx(expected, rel=1e-4)
    warnings = [m for m in caplog.messages if f"[W303] Memory ran out when {what}" in m]
    assert len(warnings) > 1 and "can't allocate memory" in warnings[0]
    assert 1 < max(sizes) <= n_texts


@pytest.mark.parametrize("tower,what", [(0, "sentences"), (1, "concepts")])
def test_not_even_one_fits(
    tiny_encoder: Path, subtokens: SubtokenCorpus, tower: int, what: str
) -> None:
    model = build_contrastive_model(str(tiny_encoder), n_frozen_layers=1)
    refuse_above(model, 0, tower=tower)
    with pytest.raises(
        OutOfMemory, match=rf"N387.*when {what} were encoded.*--restart"
    ):
        evaluate(model, InBatchBCE(), subtokens, seed=0)


@pytest.mark.parametrize(
    "logits,positives,reciprocals",
    [
        # Two above; the best; none below
        ([[3.0, 2.0, 1.0]], [(0, 2)], [1 / 3]),
        ([[3.0, 2.0, 1.0]], [(0, 0)], [1.0]),
        # The other positive of the token does not count against it
        ([[3.0, 2.0, 1.0]], [(0, 0), (0, 2)], [1.0, 1 / 2]),
        # What is positive for another token does
        ([[3.0, 2.0], [3.0, 2.0]], [(0, 1), (1, 0)], [1 / 2, 1.0]),
        # Ties count half
        ([[1.0, 1.0, 1.0, 0.0]], [(0, 1)], [1 / 2]),
        # What is not a number is above all
        ([[math.nan, math.nan, math.nan]], [(0, 0)], [1 / 3]),
        ([[1.0, math.nan, 0.0]], [(0, 0)], [1 / 2]),
        ([[math.nan, 1.0, 0.0]], [(0, 0)], [1 / 3]),
    ],
)
def test_rank_of_a_positive(
    logits: list[list[float]],
    positives: list[tuple[int, int]],
    reciprocals: list[float],
) -> None:
    ranks = Ranks()
    tokens, concepts = (numpy.array(column) for column in zip(*positives, strict=True))
    ranks.add(numpy.array(logits, dtype="float32"), tokens, concepts)
    assert ranks.n == len(positives)
    assert ranks.reciprocals == pytest.approx(sum(reciprocals))
    assert ranks.first == sum(r == 1 for r in reciprocals)


def test_encoders_that_tell_nothing_apart_rank_badly(
    tiny_encoder: Path, subtokens: SubtokenCorpus
) -> None:
    """All concepts have one vector: the middle of the ranks, not the first."""
    model = build_contrastive_model(str(tiny_encoder), n_frozen_layers=1)
    with torch.no_grad():
        for encoder in get_encoders(model):
            norm = encoder.model.encoder.layer[-1].output.LayerNorm
            norm.weight.zero_(), norm.bias.fill_(1.0)
    found = evaluate(model, InBatchBCE(), subtokens, seed=0)
    n_concepts = len(subtokens.concepts)
    assert found["dev_mrr"] == pytest.approx(2 / n_concepts, rel=0.1)
    assert (found["dev_first"], found["dev_hits10"]) == (0.0, 0.0)
