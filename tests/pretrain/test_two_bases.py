"""A concept encoder of another family, width and vocabulary than the text encoder."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file
from thinc.api import Config
from transformers import AutoModel, AutoTokenizer

from spacy_nuner.component.label_encoder import embed_labels
from spacy_nuner.hf import load_model, load_projection, load_tokenizer
from spacy_nuner.pretrain.checkpoint import load_weights
from spacy_nuner.pretrain.corpora import read_corpora
from spacy_nuner.pretrain.encoders import get_encoder_digest
from spacy_nuner.pretrain.export import compare, export_encoder
from spacy_nuner.pretrain.model import build_contrastive_model, get_encoders
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG

TEXT_WIDTH, CONCEPT_WIDTH = 16, 24


@pytest.fixture(scope="module")
def bases(family_encoder: Callable[..., Path]) -> tuple[Path, Path]:
    return family_encoder("bert"), family_encoder("roberta", width=CONCEPT_WIDTH)


@pytest.fixture(scope="module")
def config(bases: tuple[Path, Path], corpus_folder: Path) -> Config:
    return load_settings(
        CONFIG,
        {
            "paths.encoder": str(bases[0]),
            "paths.train": str(corpus_folder / "train"),
            "paths.dev": str(corpus_folder / "dev"),
            "pretrain.model.concept_encoder": str(bases[1]),
            "pretrain.model.dropout": 0.1,
            "pretrain.max_epochs": 2,
            "pretrain.max_steps": 8,
            "pretrain.checkpoint_every": 2,
            "system.n_threads": 1,
        },
    )


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    output = tmp_path_factory.mktemp("run")
    assert pretrain(config, output).status == "finished"
    return output / "last"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    done = export_encoder(checkpoint, tmp_path_factory.mktemp("encoders") / "both")
    assert done.max_difference == 0.0
    return done.path


def test_each_encoder_has_its_own_vocabulary(
    config: Config, bases: tuple[Path, Path]
) -> None:
    train, dev = read_corpora(config)
    texts, concepts = (load_tokenizer(str(base)) for base in bases)
    assert (train.pad_id, train.concept_pad_id) == (0, 1)
    assert (texts.pad_token_id, concepts.pad_token_id) == (0, 1)
    for corpus in (train, dev):
        ids = concepts(corpus.concepts[3])["input_ids"]
        assert corpus.concept_ids[3].tolist() == ids
        assert corpus.ids[0][0] == texts.cls_token_id != concepts.cls_token_id


def test_projection_is_trained_and_in_the_checkpoint(
    config: Config, checkpoint: Path, bases: tuple[Path, Path]
) -> None:
    weights = load_weights(checkpoint)
    assert set(weights) == {"text", "concept", "projection"}
    assert weights["projection"]["weight"].shape == (TEXT_WIDTH, CONCEPT_WIDTH)
    assert weights["concept"].keys() == load_model(str(bases[1])).state_dict().keys()
    # It moves with the first steps
    config = config.copy()
    config["pretrain"]["max_steps"] = 1
    folder = checkpoint.parent.parent / "one"
    pretrain(config, folder)
    first = load_weights(folder / "last")["projection"]
    assert not torch.equal(first["weight"], weights["projection"]["weight"])
    assert not torch.equal(first["bias"], weights["projection"]["bias"])


def test_stopped_run_ends_in_the_same_weights(
    config: Config, checkpoint: Path, tmp_path: Path
) -> None:
    answers = iter([False, False, True])
    first = pretrain(config, tmp_path, should_stop=lambda: next(answers, True))
    assert first.status == "stopped" and first.step < 8
    assert pretrain(config, tmp_path).status == "finished"
    ours, theirs = load_weights(tmp_path / "last"), load_weights(checkpoint)
    for part in ("text", "concept", "projection"):
        for name, tensor in ours[part].items():
            assert torch.equal(tensor, theirs[part][name]), (part, name)


def test_what_is_exported(
    exported: Path, checkpoint: Path, bases: tuple[Path, Path]
) -> None:
    record = json.loads((exported / "nuner.json").read_text(encoding="utf8"))
    assert (record["base"], record["concept_base"]) == ("bert-16", "roberta-24")
    assert (record["width"], record["concept_width"]) == (16, 24)
    settings = record["settings"]
    for key, base in zip(("encoder", "concept_encoder"), bases, strict=True):
        assert settings[f"pretrain.model.{key}"] == get_encoder_digest(str(base))
    inner = exported / "concept_encoder"
    saved = load_file(inner / "projection.safetensors")
    for name, tensor in load_weights(checkpoint)["projection"].items():
        assert torch.equal(saved[name], tensor)
    for folder, base in zip((exported, inner), bases, strict=True):
        ours, theirs = (AutoTokenizer.from_pretrained(path) for path in (folder, base))
        assert type(ours) is type(theirs)
        assert (
            ours("Kraków’s hall")["input_ids"] == theirs("Kraków’s hall")["input_ids"]
        )
    card = (exported / "README.md").read_text(encoding="utf8")
    assert "Base encoder: bert-16 (concept encoder: roberta-24)." in card
    assert "`projection.safetensors`" in card


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_label_vectors_pass_the_projection(
    exported: Path, tmp_path: Path, pooling: str
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(exported, path)
    record = json.loads((path / "nuner.json").read_text(encoding="utf8"))
    (path / "nuner.json").write_text(json.dumps(record | {"pooling": pooling}))
    (vector,) = embed_labels(path, [["city", "wine grape"]])
    model = AutoModel.from_pretrained(path / "concept_encoder").eval()
    tokenizer = AutoTokenizer.from_pretrained(path / "concept_encoder")
    weights = load_file(path / "concept_encoder" / "projection.safetensors")
    expected = []
    for phrase in ("city", "wine grape"):
        with torch.no_grad():
            hidden = model(**tokenizer(phrase, return_tensors="pt")).last_hidden_state[
                0
            ]
        pooled = hidden.mean(0) if pooling == "mean" else hidden[0]
        expected.append((weights["weight"] @ pooled + weights["bias"]) / 5.0)
    assert vector.shape == (TEXT_WIDTH,)
    numpy.testing.assert_allclose(vector, torch.stack(expected).mean(0), atol=1e-5)


def test_compare_sees_another_projection(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "concept_encoder"
    shutil.copytree(exported / "concept_encoder", folder)
    model = load_model(str(folder))
    projection = load_projection(folder, width=CONCEPT_WIDTH)
    assert compare(model, folder, projection) == 0.0
    weights = load_file(folder / "projection.safetensors")
    weights["bias"][0] += 1.0
    save_file(weights, folder / "projection.safetensors")
    assert compare(model, folder, projection) == pytest.approx(1.0)
    (folder / "projection.safetensors").unlink()
    assert compare(model, folder, projection) == float("inf")


def test_other_concept_base_is_refused(
    checkpoint: Path, bases: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(bases[1], other)
    moved = export_encoder(checkpoint, tmp_path / "a", concept_base=str(other))
    assert moved.max_difference == 0.0
    weights = load_file(other / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    for base in (other, bases[0]):
        with pytest.raises(ValueError, match=r"N311.*--concept-base"):
            export_encoder(checkpoint, tmp_path / "b", concept_base=str(base))


def test_pair_is_continued(exported: Path) -> None:
    """Both encoders and the projection start from what was trained."""
    inner = exported / "concept_encoder"
    model = build_contrastive_model(
        str(exported), concept_encoder=str(inner), n_frozen_layers=1
    )
    texts, concepts = get_encoders(model)
    for name, tensor in load_file(exported / "model.safetensors").items():
        assert torch.equal(texts.model.state_dict()[name], tensor)
    for name, tensor in load_file(inner / "projection.safetensors").items():
        assert concepts.projection is not None
        assert torch.equal(concepts.projection.state_dict()[name], tensor)


@pytest.mark.parametrize("width", [24, 32])
def test_projection_to_another_width_is_not_used(
    exported: Path,
    family_encoder: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    width: int,
) -> None:
    base = family_encoder("roberta", width=width)
    inner = exported / "concept_encoder"
    with caplog.at_level(logging.WARNING):
        model = build_contrastive_model(
            str(base), concept_encoder=str(inner), n_frozen_layers=1
        )
    assert f"W350] The projection of the concept encoder '{inner}'" in caplog.text
    projection = get_encoders(model)[1].projection
    assert (None if projection is None else projection.out_features) == (
        None if width == CONCEPT_WIDTH else width
    )


@pytest.mark.parametrize(
    "content,problem",
    [
        (b"not safetensors", "rror"),
        ({"weight": torch.zeros(16, 20), "bias": torch.zeros(16)}, "width 20.*have 24"),
        ({"weight": torch.zeros(16, 24), "bias": torch.zeros(5)}, "size mismatch"),
        ({"bias": torch.zeros(16)}, "weight"),
    ],
)
def test_damaged_projection(
    exported: Path, tmp_path: Path, content: object, problem: str
) -> None:
    path = tmp_path / "copy"
    shutil.copytree(exported, path)
    file = path / "concept_encoder" / "projection.safetensors"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        save_file(content, file)
    with pytest.raises(ValueError, match=rf"(?s)\[N352\].*projection.*{problem}"):
        embed_labels(path, [["city"]])
