"""Training: frozen parts, learning rates; the limits of an encoder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spacy.language import Language
from thinc.api import SGD

from .conftest import TEXT, find_shim, read_vectors

RATE = 0.1


def step(nlp: Language, *, seed: int = 0) -> dict[str, tuple[Any, Any]]:
    """One step on a random gradient. RETURNS each parameter's gradient and change."""
    model = nlp.get_pipe("transformer").model
    output, backprop = model.begin_update([nlp.make_doc(TEXT)])
    shape = output.doc_data[0].tensors[0].shape
    d_vectors = np.random.default_rng(seed).normal(size=shape).astype("float32")
    backprop(output.unsplit_by_doc([[d_vectors]]))
    parameters = dict(find_shim(nlp).encoder.named_parameters())
    gradients = {
        name: None if p.grad is None else p.grad.clone()
        for name, p in parameters.items()
    }
    before = {name: p.detach().clone() for name, p in parameters.items()}
    model.finish_update(SGD(RATE, L2=0.0, grad_clip=0.0, use_averages=False))
    assert all(p.grad is None for p in parameters.values())
    return {
        name: (gradients[name], p.detach() - before[name])
        for name, p in parameters.items()
    }


def depth(name: str) -> int:
    """Layers above a parameter of the tiny encoder."""
    if name.startswith("model.embeddings."):
        return 2
    return 1 if name.startswith("model.encoder.layer.0.") else 0


def test_weights_stay_where_they_are(make_trf: Callable[..., Language]) -> None:
    """Each step once wrapped them anew: memory grew by the size of the encoder."""
    nlp = make_trf()
    encoder = find_shim(nlp).encoder
    before = {name: p.data_ptr() for name, p in encoder.named_parameters()}
    step(nlp)
    assert before == {name: p.data_ptr() for name, p in encoder.named_parameters()}


@pytest.mark.parametrize(
    "scale,decay", [(1.0, 1.0), (0.25, 1.0), (1.0, 0.5), (0.5, 0.8)]
)
def test_learning_rates(
    make_trf: Callable[..., Language], scale: float, decay: float
) -> None:
    nlp = make_trf(layers=[0, 2], learn_rate_scale=scale, layer_decay=decay)
    for name, (gradient, change) in step(nlp).items():
        expected = -RATE * scale * decay ** depth(name) * gradient
        torch.testing.assert_close(change, expected, atol=1e-6, rtol=1e-3)
        if "key.bias" not in name:  # softmax does not see it
            assert change.abs().max() > 1e-6, name


def test_learned_mix_has_the_rate_of_the_top(
    make_trf: Callable[..., Language],
) -> None:
    nlp = make_trf(layers=[1, 2], join="mix", learn_rate_scale=0.5, layer_decay=0.1)
    gradient, change = step(nlp)["mix"]
    torch.testing.assert_close(change, -RATE * 0.5 * gradient)
    assert change.abs().min() > 0


@pytest.mark.parametrize(
    "settings,frozen",
    [
        ({"n_frozen_layers": 1}, ["model.encoder.layer.0."]),
        ({"freeze_embeddings": True}, ["model.embeddings."]),
        (
            {"n_frozen_layers": 1, "freeze_embeddings": True},
            ["model.encoder.layer.0.", "model.embeddings."],
        ),
    ],
)
def test_frozen_weights_stay(
    make_trf: Callable[..., Language], settings: dict[str, Any], frozen: list[str]
) -> None:
    nlp = make_trf(layers=[0, 1, 2], **settings)
    for name, (gradient, change) in step(nlp).items():
        if name.startswith(tuple(frozen)):
            assert gradient is None and not change.any()
        elif "key.bias" not in name:
            assert change.abs().max() > 1e-6, name


def test_all_frozen(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf(n_frozen_layers=2, freeze_embeddings=True)
    before = read_vectors(nlp(TEXT))
    assert find_shim(nlp).encoder.is_frozen
    assert all(gradient is None for gradient, _ in step(nlp).values())
    np.testing.assert_array_equal(read_vectors(nlp(TEXT)), before)


def test_dropout_is_in_training_only(
    make_trf: Callable[..., Language], tiny_encoder: Path
) -> None:
    nlp = make_trf(tiny_encoder)
    model, docs = nlp.get_pipe("transformer").model, [nlp.make_doc(TEXT)]
    trained = [model.begin_update(docs)[0].doc_data[0].tensors[0] for _ in range(2)]
    assert np.abs(trained[0] - trained[1]).max() > 1e-3
    predicted = [model.predict(docs).doc_data[0].tensors[0] for _ in range(2)]
    np.testing.assert_array_equal(*predicted)


def test_steady_encoder_trains_on_what_it_predicts(
    make_trf: Callable[..., Language],
) -> None:
    model = make_trf().get_pipe("transformer").model
    docs = [make_trf().make_doc(text) for text in (TEXT, "Bob.")]
    (a, b), (c, d) = model.predict(docs).doc_data, model.begin_update(docs)[0].doc_data
    np.testing.assert_allclose(a.tensors[0], c.tensors[0], atol=1e-6)
    np.testing.assert_allclose(b.tensors[0], d.tensors[0], atol=1e-6)


def test_gradients_of_two_batches_add_up(make_trf: Callable[..., Language]) -> None:
    """Without a step between them, as `accumulate_gradient` in a config wants."""
    nlp = make_trf()
    model, encoder = nlp.get_pipe("transformer").model, find_shim(nlp).encoder

    def collect(*texts: str) -> torch.Tensor:
        for text in texts:
            output, backprop = model.begin_update([nlp.make_doc(text)])
            ones = np.ones_like(output.doc_data[0].tensors[0])
            ones[..., ::2] = 0.5
            backprop(output.unsplit_by_doc([[ones]]))
        parameter = encoder.model.encoder.layer[0].output.dense.weight
        gradient, parameter.grad = parameter.grad.clone(), None
        return gradient

    first, second, both = collect("Bob."), collect(TEXT), collect("Bob.", TEXT)
    torch.testing.assert_close(both, first + second, atol=1e-5, rtol=1e-4)
    assert both.abs().max() > 0


def test_max_length(
    make_trf: Callable[..., Language], steady_encoder: Path, tmp_path: Path
) -> None:
    # RoBERTa's 130 positions, of which two are never used
    assert find_shim(make_trf()).max_length == 128
    shutil.copytree(steady_encoder, tmp_path / "short")
    file = tmp_path / "short" / "tokenizer_config.json"
    settings = json.loads(file.read_text()) | {"model_max_length": 20}
    file.write_text(json.dumps(settings))
    assert find_shim(make_trf(tmp_path / "short")).max_length == 20
    settings["model_max_length"] = 10**30  # what transformers writes for "unknown"
    file.write_text(json.dumps(settings))
    assert find_shim(make_trf(tmp_path / "short")).max_length == 128
