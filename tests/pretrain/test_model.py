import math
from pathlib import Path

import numpy
import pytest
import torch
from thinc.api import registry

from spacy_nuner.pretrain.batch import PretrainBatch, make_batch
from spacy_nuner.pretrain.encoders import pool
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_bias,
    get_encoders,
    measure_log_odds,
    set_bias,
)
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


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_logits_and_gradients_agree_with_autograd(
    tiny_encoder: Path, batch: PretrainBatch, pooling: str
) -> None:
    model = build(tiny_encoder, pooling=pooling)
    Z, backprop = model.begin_update(batch)
    dZ = numpy.random.default_rng(0).standard_normal(Z.shape).astype("float32")
    backprop(dZ)
    ours = [
        {n: p.grad for n, p in encoder.named_parameters() if p.grad is not None}
        for encoder in get_encoders(model)
    ]
    text, concept = get_encoders(build(tiny_encoder, pooling=pooling))
    hidden = text.encode(*map(torch.tensor, (batch.texts.ids, batch.texts.mask)))
    H = hidden.flatten(0, 1)[torch.tensor(batch.rows)]
    groups = [
        (torch.tensor(g.ids), torch.tensor(g.mask)) for g in batch.concepts.groups
    ]
    vectors = [pool(concept.encode(*group), group[1], pooling) for group in groups]
    C = torch.cat(vectors)[torch.tensor(batch.concepts.order)]
    b = torch.tensor([-2.0], requires_grad=True)
    expected = H @ C.T / 5.0 + b
    expected.backward(torch.tensor(dZ))
    numpy.testing.assert_allclose(Z, expected.detach().numpy(), atol=1e-5)
    assert model.get_grad("b") == pytest.approx(b.grad.numpy(), rel=1e-4, abs=1e-3)
    for grads, encoder in zip(ours, (text, concept), strict=True):
        theirs = {
            n: p.grad for n, p in encoder.named_parameters() if p.grad is not None
        }
        assert grads.keys() == theirs.keys()
        for name, grad in grads.items():
            torch.testing.assert_close(grad, theirs[name], rtol=1e-3, atol=1e-4)


def test_frozen_parameters_get_no_gradient(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    model = build(tiny_encoder, freeze_concept_embeddings=True)
    Z, backprop = model.begin_update(batch)
    backprop(numpy.ones_like(Z))
    for encoder, frozen in zip(
        get_encoders(model), (("embeddings", "layer.0"), ("embeddings",)), strict=True
    ):
        for name, parameter in encoder.named_parameters():
            assert (parameter.grad is None) == any(part in name for part in frozen)


def test_bias_of_the_paper_stays_zero(tiny_encoder: Path, batch: PretrainBatch) -> None:
    model = build(tiny_encoder, bias=0.0, learn_bias=False)
    Z, backprop = model.begin_update(batch)
    backprop(numpy.ones_like(Z))
    assert not model.has_grad("b")
    assert get_bias(model) == 0.0


def test_predict_is_training_without_dropout(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    model = build(tiny_encoder)
    numpy.testing.assert_allclose(
        model.predict(batch), model.begin_update(batch)[0], atol=1e-6
    )


def test_dropout_is_on_in_training(tiny_encoder: Path, batch: PretrainBatch) -> None:
    model = build(tiny_encoder, dropout=0.5)
    first, second = model.begin_update(batch)[0], model.begin_update(batch)[0]
    assert not numpy.allclose(first, second, atol=1e-3)


def test_set_bias_shifts_all_logits(tiny_encoder: Path, batch: PretrainBatch) -> None:
    model = build(tiny_encoder)
    before = model.predict(batch)
    set_bias(model, 1.5)
    assert get_bias(model) == 1.5
    numpy.testing.assert_allclose(model.predict(batch), before + 3.5, atol=1e-5)


def test_log_odds() -> None:
    targets = [numpy.eye(4, dtype="float32"), numpy.zeros((4, 1), dtype="float32")]
    assert measure_log_odds(targets) == pytest.approx(math.log(4 / 16))


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
    assert get_bias(model) == start
    assert model.attrs["measure_bias"] == (bias == "log_odds")
    assert registry.has("losses", "spacy-nuner.InBatchBCE.v1")
