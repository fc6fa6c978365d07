import shutil
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2Model

from spacy_nuner.pretrain.encoders import (
    ConceptEncoder,
    Encoder,
    TextEncoder,
    find_layers,
    get_encoder_digest,
    load_model,
    load_tokenizer,
    pool,
    set_num_threads,
)


def make_encoder(path: Path, **settings: object) -> Encoder:
    options = {"n_frozen_layers": 1, "freeze_embeddings": True} | settings
    return Encoder(load_model(str(path)), **options)


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


def test_text_encoder_keeps_the_chosen_rows(tiny_encoder: Path) -> None:
    encoder = TextEncoder(
        load_model(str(tiny_encoder)), n_frozen_layers=0, freeze_embeddings=False
    ).eval()
    ids = torch.tensor([[5, 6, 7], [8, 9, 1]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    hidden = encoder.encode(ids, mask)
    vectors = encoder(ids, mask, torch.tensor([1, 4]))
    assert torch.equal(vectors, torch.stack([hidden[0, 1], hidden[1, 1]]))


def test_concept_encoder_does_not_depend_on_grouping(tiny_encoder: Path) -> None:
    encoder = ConceptEncoder(
        load_model(str(tiny_encoder)),
        pooling="mean",
        n_frozen_layers=0,
        freeze_embeddings=False,
    ).eval()
    long, short = torch.tensor([[5, 6, 7]]), torch.tensor([[8, 9]])
    grouped = encoder(
        [short, long],
        [torch.ones_like(short), torch.ones_like(long)],
        torch.tensor([1, 0]),
    )
    padded = encoder(
        [torch.tensor([[5, 6, 7], [8, 9, 1]])],
        [torch.tensor([[1, 1, 1], [1, 1, 0]])],
        torch.tensor([0, 1]),
    )
    torch.testing.assert_close(grouped, padded)


def test_pooling() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(hidden, mask, "cls").tolist() == [[1.0, 2.0]]
    assert pool(hidden, mask, "mean").tolist() == [[2.0, 3.0]]


def test_dropout_can_be_set(tiny_encoder: Path) -> None:
    model = load_model(str(tiny_encoder), dropout=0.0).train()
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)


def test_model_without_layers_to_freeze() -> None:
    model = GPT2Model(GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=10))
    with pytest.raises(ValueError, match=r"N304.*GPT2Model"):
        find_layers(model)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_incomplete_encoder_folder(
    tiny_encoder: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match=r"N302.*encoder folder"):
        load_model(str(folder))


def test_missing_encoder_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N302"):
        load_model(str(tmp_path / "nowhere"))


def test_encoder_folder_without_tokenizer(tiny_encoder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_encoder / name, tmp_path)
    with pytest.raises(ValueError, match=r"N303.*no tokenizer file"):
        load_tokenizer(str(tmp_path))


def test_missing_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N303"):
        load_tokenizer(str(tmp_path / "nowhere"))


def test_digest_is_of_the_content(tiny_encoder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(tiny_encoder, copied)
    assert get_encoder_digest(str(copied)) == get_encoder_digest(str(tiny_encoder))
    (copied / "config.json").write_text("{}", encoding="utf8")
    assert get_encoder_digest(str(copied)) != get_encoder_digest(str(tiny_encoder))
    assert get_encoder_digest("roberta-base") == "roberta-base"


def test_set_num_threads() -> None:
    before = torch.get_num_threads()
    set_num_threads(1)
    assert torch.get_num_threads() == 1
    set_num_threads(before)
