import math
import re
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from thinc.api import registry

from spacy_nuner.pretrain.batch import PretrainBatch, make_batch
from spacy_nuner.pretrain.contrast import Link, contrast
from spacy_nuner.pretrain.encoders import pool
from spacy_nuner.pretrain.loss import configure_in_batch_bce
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
    get_link,
    measure_log_odds,
    set_link,
)
from spacy_nuner.pretrain.step import add_batch
from spacy_nuner.pretrain.targets import Targets
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

SETTINGS = {
    "temperature": 5.0,
    "bias": -2.0,
    "learn_bias": True,
    "pooling": "mean",
    "n_frozen_layers": 1,
    "dropout": 0.0,
}


def build(path: Path, **settings: object) -> ContrastiveModel:
    return build_contrastive_model(str(path), **SETTINGS | settings)


@pytest.fixture
def batch(subtokens: SubtokenCorpus) -> PretrainBatch:
    return make_batch(subtokens, numpy.arange(5))


@pytest.mark.parametrize("max_cells", [0, 7, 40])
@pytest.mark.parametrize("n_parts", [1, 3])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_gradients_agree_with_autograd(
    tiny_encoder: Path,
    subtokens: SubtokenCorpus,
    pooling: str,
    n_parts: int,
    max_cells: int,
) -> None:
    whole = make_batch(subtokens, numpy.arange(5))
    model = build(tiny_encoder, pooling=pooling, learn_temperature=True)
    batch = make_batch(subtokens, numpy.arange(5), n_parts=n_parts)
    loss = configure_in_batch_bce()
    found = add_batch(model, batch, loss, max_cells=max_cells)
    ours = [
        {n: p.grad for n, p in encoder.named_parameters() if p.grad is not None}
        for encoder in get_encoders(model)
    ]
    text, concept = get_encoders(build(tiny_encoder, pooling=pooling))
    (part,) = whole.parts
    hidden = text.encode(*map(torch.tensor, (part.texts.ids, part.texts.mask)))
    H = hidden.flatten(0, 1)[torch.tensor(part.rows)]
    groups = [
        (torch.tensor(g.ids), torch.tensor(g.mask)) for g in whole.concepts.groups
    ]
    vectors = [pool(concept.encode(*group), group[1], pooling) for group in groups]
    C = torch.cat(vectors)[torch.tensor(whole.concepts.order)]
    b = torch.tensor([-2.0], requires_grad=True)
    log_t = torch.tensor([math.log(5.0)], requires_grad=True)
    Y, _ = whole.targets.make_dense(0, whole.targets.n_tokens)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        H @ C.T / log_t.exp() + b, torch.tensor(Y)
    )
    expected.backward()
    assert found.loss == pytest.approx(expected.item(), rel=1e-5)
    assert model.get_grad("bias") == pytest.approx(b.grad.numpy(), rel=1e-4)
    grad_t = log_t.grad.numpy()
    assert model.get_grad("log_temperature") == pytest.approx(grad_t, rel=1e-3)
    for grads, encoder in zip(ours, (text, concept), strict=True):
        theirs = {
            n: p.grad for n, p in encoder.named_parameters() if p.grad is not None
        }
        assert grads.keys() == theirs.keys()
        largest = max(float(grad.abs().max()) for grad in theirs.values())
        for name, grad in grads.items():
            torch.testing.assert_close(
                grad, theirs[name], rtol=1e-3, atol=1e-4 * largest
            )


def test_forward_and_step_give_the_same_gradients(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    stepped, model = build(tiny_encoder), build(tiny_encoder)
    loss = configure_in_batch_bce()
    add_batch(stepped, batch, loss)
    (H, C), backprop = model.begin_update(batch)
    link = get_link(model)
    found = contrast(H, C, link, batch.targets, loss=loss, ops=model.ops)
    backprop((found.dH, found.dC))
    for ours, theirs in zip(get_encoders(stepped), get_encoders(model), strict=True):
        for left, right in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert (left.grad is None) == (right.grad is None)
            if left.grad is not None:
                torch.testing.assert_close(left.grad, right.grad)


def test_frozen_parameters_get_no_gradient(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    model = build(tiny_encoder, freeze_concept_embeddings=True)
    add_batch(model, batch, configure_in_batch_bce())
    for encoder, frozen in zip(
        get_encoders(model), (("embeddings", "layer.0"), ("embeddings",)), strict=True
    ):
        for name, parameter in encoder.named_parameters():
            assert (parameter.grad is None) == any(part in name for part in frozen)


def test_bias_of_the_paper_stays_zero(tiny_encoder: Path, batch: PretrainBatch) -> None:
    model = build(tiny_encoder, bias=0.0, learn_bias=False)
    add_batch(model, batch, configure_in_batch_bce())
    assert not model.has_grad("bias") and not model.has_grad("log_temperature")
    assert get_link(model).bias == 0.0


def test_predict_is_training_without_dropout(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    model = build(tiny_encoder)
    for ours, theirs in zip(
        model.predict(batch), model.begin_update(batch)[0], strict=True
    ):
        numpy.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_dropout_is_on_in_training(tiny_encoder: Path, batch: PretrainBatch) -> None:
    model = build(tiny_encoder, dropout=0.5)
    first, second = (model.begin_update(batch)[0][0] for _ in range(2))
    assert not numpy.allclose(first, second, atol=1e-3)


def test_dropout_draws_fast(tiny_encoder: Path, batch: PretrainBatch) -> None:
    """Neither hidden states nor attention use torch's own dropout."""
    model = build(tiny_encoder, dropout=0.5)
    with torch.profiler.profile() as profile:
        add_batch(model, batch, configure_in_batch_bce())
    names = {event.key for event in profile.key_averages()}
    assert "aten::matmul" in names
    assert not names & {"aten::bernoulli_", "aten::native_dropout"}


def test_set_link(tiny_encoder: Path) -> None:
    model = build(tiny_encoder)
    set_link(model, Link(temperature=2.0, bias=1.5))
    assert get_link(model).bias == 1.5
    assert get_link(model).temperature == pytest.approx(2.0)


def test_log_odds() -> None:
    none = numpy.zeros(0, dtype="int64")
    targets = [
        Targets(numpy.asarray([0, 4]), 4, numpy.arange(4), numpy.arange(4)),
        Targets(numpy.asarray([0, 4]), 1, none, none),
    ]
    # Half a cell is added to both sides
    assert measure_log_odds(targets) == pytest.approx(math.log(4.5 / 16.5))


def test_log_odds_are_finite_where_all_cells_are_of_one_kind() -> None:
    some, none = numpy.arange(4), numpy.zeros(0, dtype="int64")
    starts, first = numpy.asarray([0, 4]), numpy.zeros(4, dtype="int64")
    every = measure_log_odds([Targets(starts, 1, some, first)])
    assert every == pytest.approx(math.log(4.5 / 0.5))
    assert measure_log_odds([Targets(starts, 1, none, none)]) == pytest.approx(-every)


@pytest.mark.parametrize(
    "name,got,allowed",
    [
        ("temperature", 0, "a number above 0"),
        ("temperature", -1.0, "a number above 0"),
        ("temperature", math.nan, "a number above 0"),
        ("temperature", "5", "a number above 0"),
        ("bias", math.inf, "a number, or"),
        ("bias", "zero", "a number, or"),
        ("dropout", 1.0, "a number from 0 to below 1"),
        ("dropout", -0.1, "a number from 0 to below 1"),
        ("dropout", math.nan, "a number from 0 to below 1"),
    ],
)
def test_values_without_sense(
    tiny_encoder: Path, name: str, got: Any, allowed: str
) -> None:
    message = rf"N380.*{name} is {re.escape(repr(got))}\. Allowed is {allowed}"
    with pytest.raises(ValueError, match=message):
        build(tiny_encoder, **{name: got})


@pytest.mark.parametrize("bias,start", [(-3, -3.0), ("log_odds", 0.0)])
def test_registered(tiny_encoder: Path, bias: object, start: float) -> None:
    block = {
        "@architectures": "spacy-nuner.ContrastiveModel.v1",
        "encoder": str(tiny_encoder),
        "n_frozen_layers": 1,
        "bias": bias,
    }
    # spaCy's architectures are thinc's
    import spacy

    model = spacy.registry.resolve({"model": block})["model"]
    assert get_link(model).bias == start
    assert model.attrs["measure_bias"] == (bias == "log_odds")
    assert registry.has("losses", "spacy-nuner.InBatchBCE.v1")
