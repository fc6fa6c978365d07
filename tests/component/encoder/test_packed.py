"""Matrices laid out for the CPU: the same vectors, the same weights."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from spacy.language import Language
from thinc.api import SGD
from torch import nn

from spacy_nuner.component.encoder.packed import PackedLinear, can_pack, pack

from .conftest import LONG, TEXT, find_shim, read_vectors
from .test_states import FAMILIES, IDS, MASK, build

has_mkldnn = torch.backends.mkldnn.is_available()
needs_mkldnn = pytest.mark.skipif(not has_mkldnn, reason="needs oneDNN")


@needs_mkldnn
@pytest.mark.parametrize("family", FAMILIES)
def test_same_states(family: str) -> None:
    encoder = build(family).eval()
    assert can_pack(encoder)
    packed = pack(encoder)
    n_linear = sum(type(m) is nn.Linear for m in encoder.modules())
    assert sum(isinstance(m, PackedLinear) for m in packed.modules()) == n_linear > 5
    with torch.inference_mode():
        torch.testing.assert_close(packed(IDS, MASK), encoder(IDS, MASK))


@needs_mkldnn
def test_weights_are_shared() -> None:
    encoder = build()
    encoder.train()
    packed = pack(encoder)
    assert encoder.training and not packed.training
    assert not any(isinstance(m, PackedLinear) for m in encoder.modules())
    theirs = dict(packed.named_parameters())
    assert set(theirs) == {name for name, _ in encoder.named_parameters()}
    assert all(theirs[name] is p for name, p in encoder.named_parameters())


@needs_mkldnn
@pytest.mark.parametrize("n_rows", [1, 7, 512, 3000])
@pytest.mark.parametrize("bias", [True, False])
def test_any_number_of_rows(n_rows: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(24, 40, bias=bias), torch.randn(2, n_rows, 24)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear.of(layer)(x), layer(x))


def test_what_can_not_be_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not can_pack(build().to(torch.float64))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not can_pack(build())


def test_same_vectors_without_onednn(
    make_trf: Callable[..., Language], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_vectors(make_trf()(LONG))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    nlp = make_trf()
    np.testing.assert_allclose(read_vectors(nlp(LONG)), expected, atol=1e-5)
    assert find_shim(nlp)._predictor is find_shim(nlp).encoder


def test_no_dropout_after_a_step_without_onednn(
    tiny_encoder: Path,
    make_trf: Callable[..., Language],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The encoder that trains is the one that predicts, then."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    nlp = make_trf(name=tiny_encoder)
    assert find_shim(nlp).encoder.model.config.hidden_dropout_prob > 0
    before = read_vectors(nlp(TEXT))
    nlp.get_pipe("transformer").model.begin_update([nlp.make_doc(TEXT)])
    np.testing.assert_array_equal(read_vectors(nlp(TEXT)), before)


def test_packed_anew_after_a_step(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf()
    before = read_vectors(nlp(TEXT))
    model = nlp.get_pipe("transformer").model
    output, backprop = model.begin_update([nlp.make_doc(TEXT)])
    backprop(output.unsplit_by_doc([[np.ones((1, *before.shape), dtype="float32")]]))
    model.finish_update(SGD(0.1, L2=0.0, grad_clip=0.0, use_averages=False))
    after = read_vectors(nlp(TEXT))
    assert np.abs(after - before).max() > 1e-2
    encoder = find_shim(nlp).encoder.train(False)
    find_shim(nlp)._predictor = encoder
    np.testing.assert_allclose(read_vectors(nlp(TEXT)), after, atol=1e-5)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda nlp: pickle.loads(pickle.dumps(nlp))]
)
def test_copies(
    make_trf: Callable[..., Language], duplicate: Callable[[Language], Language]
) -> None:
    nlp = make_trf()
    expected = read_vectors(nlp(TEXT))
    other = duplicate(nlp)
    np.testing.assert_array_equal(read_vectors(other(TEXT)), expected)
    ours, theirs = find_shim(nlp), find_shim(other)
    assert ours._predictor is not None and ours._predictor is not theirs._predictor
    model = nlp.get_pipe("transformer").model.copy()
    assert len(model.predict([nlp.make_doc(TEXT)]).doc_data) == 1
