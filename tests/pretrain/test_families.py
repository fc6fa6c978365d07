"""Every family of encoders through the whole of pre-training."""

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from spacy.tokens import Doc
from transformers import (
    AutoModel,
    AutoTokenizer,
    DebertaV2Config,
    ElectraConfig,
    ElectraModel,
    MPNetConfig,
    MPNetModel,
)

from spacy_nuner.component.label_encoder import embed_labels
from spacy_nuner.hf import Encoder, find_layers, load_model, load_tokenizer
from spacy_nuner.hf.load import DROPOUTS
from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.checkpoint import load_weights
from spacy_nuner.pretrain.export import compare, export_encoder
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.model import build_contrastive_model, get_encoders, get_shims
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.settings import load_settings
from spacy_nuner.pretrain.step import add_batch
from spacy_nuner.pretrain.wordpieces import make_corpus

from .conftest import CONFIG
from .families import FAMILIES, N_LAYERS, WIDTH

TEXTS = ["Ada met Bob in Oslo, where it was cold and dark.", "Bob left", "x"]

FamilyEncoder = Callable[..., Path]


@pytest.fixture(scope="module", params=list(FAMILIES))
def folder(request: pytest.FixtureRequest, family_encoder: FamilyEncoder) -> Path:
    return family_encoder(request.param)


def pad(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of different lengths, padded: ids and mask."""
    encoded = load_tokenizer(str(folder))(TEXTS, padding=True, return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"]


def is_split_exact(encoder: Encoder, ids: torch.Tensor, mask: torch.Tensor) -> bool:
    whole = encoder.encode(ids, mask)
    joined = encoder.encode_rest(encoder.encode_frozen(ids, mask).float(), mask)
    return torch.equal(whole[mask == 1], joined[mask == 1])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_both_parts_are_the_whole(folder: Path, n_frozen: int, precision: str) -> None:
    model = load_model(str(folder))
    assert len(find_layers(model)) == N_LAYERS
    encoder = Encoder(model, n_frozen_layers=n_frozen, freeze_embeddings=True).eval()
    ids, mask = pad(folder)
    assert int(mask.sum()) < mask.numel() and encoder.can_split
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        assert is_split_exact(encoder, ids, mask)


def test_padding_changes_nothing(folder: Path) -> None:
    """Frozen states are kept of texts by themselves and used in padded batches."""
    encoder = Encoder(
        load_model(str(folder)), n_frozen_layers=1, freeze_embeddings=True
    ).eval()
    ids, mask = pad(folder)
    padded = encoder.encode(ids, mask)
    states = torch.zeros(*ids.shape, WIDTH)
    for i, length in enumerate(mask.sum(1).tolist()):
        part = ids[i : i + 1, :length], mask[i : i + 1, :length]
        states[i, :length] = encoder.encode_frozen(*part)[0]
        alone = encoder.encode(*part)[0]
        torch.testing.assert_close(padded[i, :length], alone, atol=1e-5, rtol=1e-5)
    joined = encoder.encode_rest(states, mask)
    torch.testing.assert_close(
        joined[mask == 1], padded[mask == 1], atol=1e-5, rtol=1e-5
    )


def test_trained_weights_do_not_reach_the_frozen_part(folder: Path) -> None:
    """Nothing that is trained may change the states that are kept."""
    encoder = Encoder(
        load_model(str(folder)), n_frozen_layers=1, freeze_embeddings=True
    ).eval()
    ids, mask = pad(folder)
    before = encoder.encode_frozen(ids, mask)
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter += 1.0
    assert torch.equal(encoder.encode_frozen(ids, mask), before)


def test_dropout_is_that_of_the_config(folder: Path) -> None:
    ids, mask = pad(folder)
    for dropout, is_same in ((0.0, True), (0.5, False)):
        model = load_model(str(folder), dropout=dropout).train()
        names = [name for name in DROPOUTS if hasattr(model.config, name)]
        assert names and {getattr(model.config, name) for name in names} == {dropout}
        first, second = (model(ids, mask).last_hidden_state for _ in range(2))
        assert torch.equal(first, second) == is_same


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_gradients(folder: Path, concept_docs: list[Doc], precision: str) -> None:
    """All that is trained gets a gradient, nothing else does."""
    tokenizer = load_tokenizer(str(folder))
    corpus = make_corpus(
        concept_docs[:12],
        tokenizer,
        max_length=64,
        max_concept_length=16,
        source="test",
    )
    model = build_contrastive_model(
        str(folder), n_frozen_layers=1, freeze_concept_embeddings=True, dropout=0.0
    )
    for shim in get_shims(model):
        shim.precision = precision
    found = add_batch(model, make_batch(corpus, numpy.arange(6)), InBatchBCE())
    assert 0.0 < found.loss < 100.0
    for encoder in get_encoders(model):
        for name, parameter in encoder.named_parameters():
            if parameter.grad is None:
                assert not parameter.requires_grad, name
            else:
                assert parameter.requires_grad and parameter.grad.isfinite().all()
        trained = [p for p in encoder.parameters() if p.requires_grad]
        assert sum(float(p.grad.abs().sum()) for p in trained) > 0.0


def test_run_export_and_labels(
    folder: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    """Two steps; plain transformers load what was trained, and so does the pipe."""
    config = load_settings(
        CONFIG,
        {
            "paths.encoder": str(folder),
            "paths.train": str(corpus_folder / "train"),
            "paths.dev": str(corpus_folder / "dev"),
            "pretrain.max_steps": 2,
            "pretrain.model.dropout": 0.2,
            "system.n_threads": 1,
        },
    )
    assert pretrain(config, tmp_path / "run").step == 2
    done = export_encoder(tmp_path / "run" / "last", tmp_path / "out")
    assert done.max_difference == 0.0
    weights = load_weights(tmp_path / "run" / "last")
    for tower, path in (
        ("text", done.path),
        ("concept", done.path / "concept_encoder"),
    ):
        state = AutoModel.from_pretrained(path).state_dict()
        for name, tensor in weights[tower].items():
            assert torch.equal(state[name], tensor), name
        start = load_model(str(folder)).state_dict()
        assert any(not torch.equal(start[name], state[name]) for name in start)
    vectors = embed_labels(done.path, [["city"], ["type of wine", "grape"]])
    assert vectors.shape == (2, WIDTH)
    tokenizer = AutoTokenizer.from_pretrained(done.path / "concept_encoder")
    model = AutoModel.from_pretrained(done.path / "concept_encoder").eval()
    with torch.no_grad():
        hidden = model(**tokenizer("city", return_tensors="pt")).last_hidden_state
    numpy.testing.assert_allclose(vectors[0], hidden[0, 0] / 5.0, atol=1e-5)


def test_shared_positions_of_deberta_are_frozen_with_the_embeddings(
    family_encoder: FamilyEncoder,
) -> None:
    model = load_model(str(family_encoder("deberta-v3")))
    encoder = Encoder(model, n_frozen_layers=1, freeze_embeddings=False)
    assert not encoder.can_split
    encoder = Encoder(model, n_frozen_layers=1, freeze_embeddings=True)
    assert not model.encoder.rel_embeddings.weight.requires_grad
    assert encoder.can_split
    model.encoder.rel_embeddings.weight.requires_grad_(True)
    assert not encoder.can_split


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_convolution_of_deberta_v2(
    family_encoder: FamilyEncoder, n_frozen: int
) -> None:
    """The large DeBERTa-v2 have one behind their lowest layer."""
    folder = family_encoder("deberta-v3")
    config = DebertaV2Config.from_pretrained(folder)
    config.conv_kernel_size, config.conv_act = 3, "gelu"
    torch.manual_seed(0)
    model = AutoModel.from_config(config)
    encoder = Encoder(model, n_frozen_layers=n_frozen, freeze_embeddings=True)
    assert is_split_exact(encoder.eval(), *pad(folder))


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_narrow_embeddings_of_electra(n_frozen: int) -> None:
    torch.manual_seed(0)
    config = ElectraConfig(
        vocab_size=20,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    encoder = Encoder(
        ElectraModel(config), n_frozen_layers=n_frozen, freeze_embeddings=True
    ).eval()
    ids, mask = torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([[1] * 3, [1, 1, 0]])
    assert encoder.can_split and is_split_exact(encoder, ids, mask)


def test_compare_of_another_family(family_encoder: FamilyEncoder) -> None:
    folder = family_encoder("modernbert")
    assert compare(load_model(str(folder)), folder) == 0.0


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_shared_positions_of_mpnet(n_frozen: int) -> None:
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    model = MPNetModel(config, add_pooling_layer=False)
    encoder = Encoder(model, n_frozen_layers=n_frozen, freeze_embeddings=True).eval()
    assert not model.encoder.relative_attention_bias.weight.requires_grad
    ids, mask = torch.tensor([[5, 6, 7], [8, 9, 1]]), torch.tensor([[1] * 3, [1, 1, 0]])
    assert encoder.can_split and is_split_exact(encoder, ids, mask)
