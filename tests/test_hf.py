import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from transformers import (
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    PreTrainedModel,
)

from spacy_nuner.hf import Encoder, find_layers, load_model, load_tokenizer
from spacy_nuner.hf.cut import cut_encoder


def make_encoder(path: Path, **settings: object) -> Encoder:
    options = {"n_frozen_layers": 1, "freeze_embeddings": True} | settings
    return Encoder(load_model(str(path)), **options)


def make_distilbert() -> DistilBertModel:
    return DistilBertModel(
        DistilBertConfig(n_layers=3, n_heads=1, dim=8, hidden_dim=8, vocab_size=10)
    )


def make_modernbert() -> PreTrainedModel:
    # Its module brings torch's compiler, so it's imported only here
    from transformers import ModernBertConfig, ModernBertModel

    sizes = {"hidden_size": 8, "intermediate_size": 8, "vocab_size": 10}
    special = {"pad_token_id": 0, "cls_token_id": 1, "bos_token_id": 1}
    ends = {"sep_token_id": 2, "eos_token_id": 2}
    return ModernBertModel(
        ModernBertConfig(
            num_hidden_layers=3, num_attention_heads=1, **sizes, **special, **ends
        )
    )


@pytest.mark.parametrize(
    "n_frozen_layers,freeze_embeddings,frozen",
    [
        (0, False, []),
        (1, False, ["layer.0."]),
        (0, True, ["embeddings."]),
        (2, True, ["layer.0.", "layer.1.", "embeddings."]),
    ],
)
def test_freezing(
    tiny_encoder: Path, n_frozen_layers: int, freeze_embeddings: bool, frozen: list[str]
) -> None:
    encoder = make_encoder(
        tiny_encoder,
        n_frozen_layers=n_frozen_layers,
        freeze_embeddings=freeze_embeddings,
    )
    for name, parameter in encoder.named_parameters():
        expected = not any(part in name for part in frozen)
        assert parameter.requires_grad == expected, name


def test_frozen_part_records_no_graph_and_has_no_dropout(tiny_encoder: Path) -> None:
    encoder = make_encoder(tiny_encoder).train()
    ids, mask = torch.tensor([[5, 6, 7]]), torch.ones(1, 3, dtype=torch.long)
    outputs = [
        encoder.model(ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for _ in range(2)
    ]
    # embeddings, frozen layer, trained layer
    assert [h.requires_grad for h in outputs[0]] == [False, False, True]
    same = [bool(torch.equal(a, b)) for a, b in zip(*outputs, strict=True)]
    assert same == [True, True, False]


@pytest.mark.parametrize("n_layers", [-1, 3])
def test_too_many_frozen_layers(tiny_encoder: Path, n_layers: int) -> None:
    with pytest.raises(ValueError, match=f"N305.*{n_layers} layers.*has 2"):
        make_encoder(tiny_encoder, n_frozen_layers=n_layers)


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")
@pytest.mark.parametrize("make_model", [make_distilbert, make_modernbert])
def test_layers_of_other_families(make_model: Callable[[], PreTrainedModel]) -> None:
    """The layers that are found are those that are frozen, from the bottom."""
    model = make_model()
    assert len(find_layers(model)) == 3
    encoder = Encoder(model, n_frozen_layers=2, freeze_embeddings=True)
    layers = find_layers(encoder.model)
    trained = [any(p.requires_grad for p in layer.parameters()) for layer in layers]
    assert trained == [False, False, True]
    assert not any(p.requires_grad for p in model.embeddings.parameters())


def test_model_without_layers_to_freeze() -> None:
    model = GPT2Model(GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=10))
    with pytest.raises(ValueError, match=r"N304.*GPT2Model"):
        find_layers(model)


def test_dropout_can_be_set(tiny_encoder: Path) -> None:
    model = load_model(str(tiny_encoder), dropout=0.0).train()
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)


def test_dropout_that_is_not_known(tmp_path: Path) -> None:
    config = GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=10)
    GPT2Model(config).save_pretrained(tmp_path)
    assert load_model(str(tmp_path)).config.n_embd == 8
    with pytest.raises(ValueError, match=r"N350.*none of hidden_dropout_prob.*null"):
        load_model(str(tmp_path), dropout=0.1)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_incomplete_encoder_folder(
    tiny_encoder: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=r"N302.*encoder folder"):
        load_model(str(folder))


def test_pickled_weights_are_not_read(tiny_encoder: Path, tmp_path: Path) -> None:
    """Reading `pytorch_model.bin` unpickles it, which can run any code."""
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    torch.save(load_model(str(folder)).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"N302"):
        load_model(str(folder))


def test_missing_encoder_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N302"):
        load_model(str(tmp_path / "nowhere"))


def test_encoder_folder_without_tokenizer(tiny_encoder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_encoder / name, tmp_path)
    with pytest.raises(ValueError, match=r"N303.*no tokenizer file"):
        load_tokenizer(str(tmp_path))


@pytest.mark.skipif(find_spec("google") is not None, reason="the file may be converted")
def test_tokenizer_that_has_to_be_converted(tiny_encoder: Path, tmp_path: Path) -> None:
    """The hub's DeBERTa-v3 have SentencePiece's file alone."""
    shutil.copy(tiny_encoder / "config.json", tmp_path)
    settings = '{"tokenizer_class": "DebertaV2Tokenizer"}'
    (tmp_path / "tokenizer_config.json").write_text(settings)
    (tmp_path / "spm.model").write_bytes(b"")
    with pytest.raises(ValueError, match=r"N303.*(sentencepiece|protobuf)"):
        load_tokenizer(str(tmp_path))


def test_missing_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N303"):
        load_tokenizer(str(tmp_path / "nowhere"))


def test_lower_layers_make_a_smaller_encoder(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    cut_encoder(tiny_encoder, tmp_path / "small", 1)
    small = load_model(str(tmp_path / "small")).eval()
    large = load_model(str(tiny_encoder)).eval()
    assert len(find_layers(small)) == small.config.num_hidden_layers == 1
    inputs = load_tokenizer(str(tmp_path / "small"))(
        "Oslo and Rome", return_tensors="pt"
    )
    with torch.no_grad():
        whole = large(**inputs, output_hidden_states=True).hidden_states[1]
        assert torch.equal(small(**inputs).last_hidden_state, whole)
    for n_layers, output in ((2, "other"), (1, "small")):
        with pytest.raises(ValueError, match=r"N00[89]"):
            cut_encoder(tiny_encoder, tmp_path / output, n_layers)
