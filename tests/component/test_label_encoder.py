import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from spacy_nuner.component.label_encoder import (
    LabelEncoder,
    embed_labels,
    read_settings,
)


def copy_folder(source: Path, target: Path, **settings: object) -> Path:
    """A copy of an encoder folder with other settings."""
    shutil.copytree(source, target)
    record = {"temperature": 2.0, "bias": -5.0, "pooling": "mean"} | settings
    (target / "nuner.json").write_text(json.dumps(record))
    return target


def encode(folder: Path, phrase: str) -> np.ndarray:
    """The last hidden states of plain transformers, (n_pieces, width)."""
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    ids = AutoTokenizer.from_pretrained(folder)(phrase, return_tensors="pt")
    return model(**ids).last_hidden_state[0].detach().numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_against_transformers(
    encoder_folder: Path, tmp_path: Path, pooling: str
) -> None:
    """Pooled, divided by the temperature, of the phrase in lower case."""
    path = copy_folder(encoder_folder, tmp_path / "enc", pooling=pooling)
    vectors = embed_labels(path, [["b"], ["a P"]])
    hidden = encode(encoder_folder / "concept_encoder", "a p")
    expected = hidden.mean(0) if pooling == "mean" else hidden[0]
    assert vectors.shape == (2, 16) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[1], expected / 2.0, atol=1e-5)


def test_phrases_are_averaged(encoder_folder: Path) -> None:
    encoder = LabelEncoder(encoder_folder)
    one, two, both = embed_labels(encoder, [["town"], ["city"], ["town", "city"]])
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-6)
    assert np.abs(one - two).max() > 1e-3


def test_long_phrases_are_cut(encoder_folder: Path) -> None:
    (vector,) = embed_labels(encoder_folder, [["person " * 500]])
    assert np.isfinite(vector).all()


def test_known_phrases_need_no_model(encoder_folder: Path, tmp_path: Path) -> None:
    path = copy_folder(encoder_folder, tmp_path / "enc")
    encoder = LabelEncoder(path)
    expected = encoder.embed(["town"])
    (path / "concept_encoder" / "model.safetensors").unlink()
    again = LabelEncoder(path, encoder.cache)
    np.testing.assert_array_equal(again.embed(["Town"]), expected)
    with pytest.raises(ValueError, match="N302"):
        again.embed(["village"])


def test_copy(encoder_folder: Path, tmp_path: Path) -> None:
    """The copy stands on its own; a copy onto itself changes nothing."""
    encoder = LabelEncoder(encoder_folder)
    encoder.copy_to(tmp_path)
    copied = LabelEncoder(tmp_path)
    assert copied.folder == tmp_path / "concept_encoder"
    assert copied.settings == encoder.settings
    np.testing.assert_array_equal(copied.embed(["town"]), encoder.embed(["town"]))
    copied.copy_to(tmp_path)
    np.testing.assert_array_equal(
        LabelEncoder(tmp_path).embed(["city"]), encoder.embed(["city"])
    )


def test_settings_from_either_folder(encoder_folder: Path) -> None:
    inner = encoder_folder / "concept_encoder"
    assert read_settings(encoder_folder) == read_settings(inner)
    assert read_settings(inner)[0] == inner


def test_no_concept_encoder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N001\].*concept encoder"):
        LabelEncoder(tmp_path / "gone")


@pytest.mark.parametrize(
    "settings,problem",
    [
        (None, "is missing"),
        ({"temperature": 5.0, "bias": 0.0}, "lacks pooling"),
        ({"temperature": 5.0, "bias": 0.0, "pooling": "max"}, "unknown pooling 'max'"),
    ],
)
def test_bad_settings(
    tmp_path: Path, settings: dict[str, object] | None, problem: str
) -> None:
    folder = tmp_path / "concept_encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    if settings is not None:
        (tmp_path / "nuner.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=rf"\[N408\].*{problem}"):
        read_settings(folder)
