"""Pre-training that starts from published weights, or from an export of our own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    RobertaForMaskedLM,
    RobertaForTokenClassification,
    RobertaModel,
)

from spacy_nuner.hf import load_model
from spacy_nuner.pretrain.checkpoint import load_weights
from spacy_nuner.pretrain.export import export_encoder
from spacy_nuner.pretrain.model import build_contrastive_model, get_encoders
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG


def save_as(base: Path, path: Path, model_class: type, **config: object) -> Path:
    """The same encoder as a folder of another class: with a head, another prefix."""
    shutil.copytree(base, path)
    torch.manual_seed(1)
    model = model_class.from_pretrained(base, **config)
    (path / "model.safetensors").unlink()
    model.save_pretrained(path, safe_serialization=True)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """As `numind/NuNER-v2.0`: a RoBERTa with pooler, which gives all hidden states."""
    path = tmp_path_factory.mktemp("hub") / "NuNER-v2.0"
    return save_as(tiny_encoder, path, RobertaModel, output_hidden_states=True)


def run(encoder: Path, corpus_folder: Path, output: Path, **settings: object) -> Path:
    overrides: dict[str, object] = {
        "paths.encoder": str(encoder),
        "paths.train": str(corpus_folder / "train"),
        "paths.dev": str(corpus_folder / "dev"),
        "pretrain.max_steps": 2,
        "system.n_threads": 1,
    }
    config = load_settings(
        CONFIG, overrides | {key.replace("__", "."): v for key, v in settings.items()}
    )
    assert pretrain(config, output).step == 2
    return output / "last"


@pytest.mark.parametrize(
    "model_class", [RobertaModel, RobertaForMaskedLM, RobertaForTokenClassification]
)
def test_weights_of_a_folder_with_a_head(
    tiny_encoder: Path, tmp_path: Path, model_class: type
) -> None:
    path = save_as(tiny_encoder, tmp_path / "headed", model_class)
    names = set(load_file(path / "model.safetensors"))
    expected = load_model(str(tiny_encoder)).state_dict()
    assert names - expected.keys()
    found = load_model(str(path)).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_weights_under_an_unknown_prefix(tiny_encoder: Path, tmp_path: Path) -> None:
    """transformers would start from random weights and only warn of it."""
    path = tmp_path / "foreign"
    shutil.copytree(tiny_encoder, path)
    weights = load_file(path / "model.safetensors")
    renamed = {f"student.{name}": tensor for name, tensor in weights.items()}
    save_file(renamed, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"N351.*lacks \d+ weights.*student\."):
        load_model(str(path))
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"N351.*lacks 1 weights.*layer\.1\.output"):
        load_model(str(path))


@pytest.mark.parametrize("other", [None, "bert"])
def test_published_text_encoder(
    published: Path,
    family_encoder: Callable[..., Path],
    corpus_folder: Path,
    tmp_path: Path,
    other: str | None,
) -> None:
    """It has no concept encoder: that starts from the same folder, or another base."""
    second = None if other is None else str(family_encoder(other))
    last = run(
        published,
        corpus_folder,
        tmp_path / "run",
        pretrain__model__concept_encoder=second,
    )
    done = export_encoder(last, tmp_path / "out")
    assert done.max_difference == 0.0
    record = json.loads((done.path / "nuner.json").read_text(encoding="utf8"))
    assert record["base"] == "NuNER-v2.0"
    assert record["concept_base"] == ("NuNER-v2.0" if other is None else "bert-16")
    start = load_model(str(published)).state_dict()
    end = AutoModel.from_pretrained(done.path, add_pooling_layer=False).state_dict()
    frozen = {name for name in start if "embeddings" in name or "layer.0." in name}
    same = {name for name in start if torch.equal(start[name], end[name])}
    assert frozen <= same < start.keys()


def test_own_export(published: Path, corpus_folder: Path, tmp_path: Path) -> None:
    """An exported folder has both encoders: each goes on from where it stood."""
    first = export_encoder(
        run(published, corpus_folder, tmp_path / "first"), tmp_path / "nuner-a"
    ).path
    record = json.loads((first / "nuner.json").read_text(encoding="utf8"))
    settings = {
        "pretrain__model__concept_encoder": "${paths.encoder}/concept_encoder",
        "pretrain__model__bias": record["bias"],
        "pretrain__model__temperature": record["temperature"],
    }
    model = build_contrastive_model(
        str(first), concept_encoder=str(first / "concept_encoder"), n_frozen_layers=1
    )
    weights = load_weights(tmp_path / "first" / "last")
    for tower, encoder in zip(("text", "concept"), get_encoders(model), strict=True):
        for name, tensor in encoder.model.state_dict().items():
            assert torch.equal(tensor, weights[tower][name])
    last = run(first, corpus_folder, tmp_path / "second", **settings)
    second = export_encoder(last, tmp_path / "nuner-b").path
    record = json.loads((second / "nuner.json").read_text(encoding="utf8"))
    assert record["base"] == "nuner-a"
    assert record["concept_base"] == "nuner-a/concept_encoder"
    after = load_weights(last)
    for tower in ("text", "concept"):
        pairs = [(weights[tower][name], after[tower][name]) for name in after[tower]]
        assert any(not torch.equal(a, b) for a, b in pairs)
