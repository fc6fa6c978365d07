import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spacy.language import Language
from transformers import (
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    RobertaConfig,
)

from spacy_nuner.component.encoder.states import JoinedStates, resolve_layers

from .conftest import TEXT, encode_plainly, find_shim, pool, read_vectors

SIZES = {
    "vocab_size": 50,
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
FAMILIES = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES),
    "deberta": DebertaV2Config(**SIZES),
    "distilbert": DistilBertConfig(
        vocab_size=50, dim=8, n_layers=3, n_heads=2, hidden_dim=16
    ),
    "modernbert": ModernBertConfig(
        **SIZES,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        reference_compile=False,
    ),
}
IDS = torch.tensor([[5, 6, 7, 8, 9], [9, 8, 7, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def build(family: str = "roberta", **options: Any) -> JoinedStates:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        # torch's own, when the module of a family is imported
        warnings.simplefilter("ignore", DeprecationWarning)
        model = AutoModel.from_config(FAMILIES[family])
    return JoinedStates(model, **{"layers": [1, 3], "join": "concat", **options})


def join_plainly(states: list[torch.Tensor], join: str) -> torch.Tensor:
    return torch.cat(states, -1) if join == "concat" else sum(states) / len(states)


@pytest.mark.parametrize("join", ["concat", "mean", "mix"])
@pytest.mark.parametrize("family", FAMILIES)
def test_equals_plain_transformers(family: str, join: Any) -> None:
    encoder = build(family, join=join).eval()
    output = encoder.model(
        input_ids=IDS, attention_mask=MASK, output_hidden_states=True
    )
    states = [output.hidden_states[1], output.last_hidden_state]
    got = encoder(IDS, MASK)
    torch.testing.assert_close(got, join_plainly(states, join))
    assert got.shape[-1] == encoder.width == (16 if join == "concat" else 8)


@pytest.mark.parametrize("join", ["concat", "mean", "mix"])
@pytest.mark.parametrize("layers", [[0], [1], [2], [1, 2], [-1, 0], [0, 1, 2]])
def test_token_vectors_equal_plain_transformers(
    make_trf: Callable[..., Language], steady_encoder: Path, join: str, layers: Any
) -> None:
    doc = make_trf(layers=layers, join=join)(TEXT)
    plain = encode_plainly(steady_encoder, TEXT)
    states = join_plainly([plain.states[i] for i in layers], join)
    expected = pool(doc, plain, states).detach().numpy()
    np.testing.assert_allclose(read_vectors(doc), expected, atol=1e-5)


def test_mix_is_learned() -> None:
    encoder = build(join="mix").eval()
    with torch.no_grad():
        encoder.mix.copy_(torch.tensor([0.0, np.log(3.0)]))
    hidden = encoder.model(IDS, MASK, output_hidden_states=True).hidden_states
    expected = 0.25 * hidden[1] + 0.75 * hidden[3]
    torch.testing.assert_close(encoder(IDS, MASK), expected)
    encoder(IDS, MASK)[0, 0, 0].backward()
    assert encoder.mix.grad is not None and encoder.mix.grad.abs().min() > 0


@pytest.mark.parametrize("layers", [[1], [2], [1, 2], [0, 2]])
def test_gradient_flows_through_each_layer(
    make_trf: Callable[..., Language], steady_encoder: Path, layers: list[int]
) -> None:
    """The gradient that thinc hands back is the one that autograd finds."""
    nlp = make_trf(layers=layers)
    doc, model = nlp.make_doc(TEXT), nlp.get_pipe("transformer").model
    output, backprop = model.begin_update([doc])
    (data,) = output.doc_data
    d_vectors = np.random.default_rng(0).normal(size=data.tensors[0].shape)
    backprop(output.unsplit_by_doc([[d_vectors.astype("float32")]]))
    plain = encode_plainly(steady_encoder, TEXT)
    vectors = pool(doc, plain, torch.cat([plain.states[i] for i in layers], -1))
    vectors.backward(torch.from_numpy(d_vectors[0]).float())
    expected = {name: p.grad for name, p in plain.model.named_parameters()}
    n_reached = 0
    for name, parameter in find_shim(nlp).encoder.model.named_parameters():
        if expected[name] is None:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(
                parameter.grad, expected[name], atol=1e-5, rtol=1e-4
            )
            n_reached += 1
    top = max(layers)
    assert n_reached == 5 + 16 * top  # embeddings; layers up to the highest one joined


@pytest.mark.parametrize("n_frozen_layers", [0, 1, 3])
@pytest.mark.parametrize("freeze_embeddings", [False, True])
def test_frozen_parts_take_no_gradient(
    n_frozen_layers: int, freeze_embeddings: bool
) -> None:
    encoder = build(
        n_frozen_layers=n_frozen_layers, freeze_embeddings=freeze_embeddings
    )
    frozen = [f"encoder.layer.{i}." for i in range(n_frozen_layers)]
    frozen += ["embeddings."] if freeze_embeddings else []
    for name, parameter in encoder.model.named_parameters():
        assert parameter.requires_grad != name.startswith(tuple(frozen))
    encoder.train()
    layers = encoder.model.encoder.layer
    assert [layer.training for layer in layers] == [
        i >= n_frozen_layers for i in range(3)
    ]
    assert encoder.model.embeddings.training != freeze_embeddings


def test_is_frozen() -> None:
    # The pooling layer, which the shim leaves out, is not one of the layers
    options = {"n_frozen_layers": 3, "freeze_embeddings": True}
    assert build("distilbert", **options).is_frozen
    assert not build("distilbert", **options, join="mix").is_frozen
    assert not build("distilbert").is_frozen


@pytest.mark.parametrize("frozen", [False, True])
def test_gradient_checkpointing_gives_the_same_gradients(frozen: bool) -> None:
    found = []
    for checkpointing in (False, True):
        encoder = build(
            gradient_checkpointing=checkpointing, freeze_embeddings=frozen
        ).train()
        torch.manual_seed(1)  # of dropout
        encoder(IDS, MASK)[MASK.bool()].square().sum().backward()
        found.append({n: p.grad for n, p in encoder.named_parameters()})
    expected, got = found
    assert sum(g is not None for g in expected.values()) >= 48
    for name, gradient in expected.items():
        if gradient is None:
            assert got[name] is None
        else:
            torch.testing.assert_close(got[name], gradient)


def test_gradient_checkpointing_is_on() -> None:
    """Layers are computed a second time in the backward pass."""
    encoder = build(gradient_checkpointing=True).train()
    calls: list[int] = []
    attention = encoder.model.encoder.layer[0].attention
    attention.register_forward_hook(lambda *args: calls.append(1))
    encoder(IDS, MASK).sum().backward()
    assert len(calls) == 2


@pytest.mark.parametrize(
    "layers,expected",
    [([0], (0,)), ([-1], (3,)), ([3, -1], (3,)), ([-4, 2], (0, 2)), ([3, 1], (3, 1))],
)
def test_resolve_layers(layers: list[int], expected: tuple[int, ...]) -> None:
    assert resolve_layers(layers, 3) == expected


@pytest.mark.parametrize("layers,named", [([4], "4"), ([1, -5], "-5"), ([], "none")])
def test_no_such_layer(layers: list[int], named: str) -> None:
    with pytest.raises(ValueError, match=rf"\[N415\].*0 to 3.*Got {named} among"):
        build(layers=layers)


def test_unknown_join() -> None:
    with pytest.raises(ValueError, match=r"\[N409\] .*join = 'sum'.*concat, mean, mix"):
        build(join="sum")


@pytest.mark.parametrize("n_frozen_layers", [-1, 4])
def test_too_many_frozen_layers(n_frozen_layers: int) -> None:
    with pytest.raises(ValueError, match=rf"\[N305\].*{n_frozen_layers} layers.*has 3"):
        build(n_frozen_layers=n_frozen_layers)
