"""Saving and loading, and what is said when a part is missing or wrong."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import spacy
import srsly
import torch
from spacy.language import Language

from spacy_nuner.component.encoder.saved import (
    default_layers,
    measure_depths,
    read_saved,
)

from .conftest import LONG, TEXT, find_shim, read_vectors


def all_vectors(nlp: Language) -> np.ndarray:
    return np.concatenate([read_vectors(doc) for doc in nlp.pipe([TEXT, LONG])])


@pytest.mark.parametrize(
    "settings", [{}, {"layers": [1, 2]}, {"layers": [0, 2], "join": "mix"}]
)
def test_pipeline_folder_without_the_encoder_folder(
    make_trf: Callable[..., Language],
    steady_encoder: Path,
    tmp_path: Path,
    settings: dict[str, Any],
) -> None:
    shutil.copytree(steady_encoder, tmp_path / "encoder")
    nlp = make_trf(tmp_path / "encoder", **settings)
    if "join" in settings:
        with torch.no_grad():
            find_shim(nlp).encoder.mix.copy_(torch.tensor([0.3, -0.7]))
    expected = all_vectors(nlp)
    nlp.to_disk(tmp_path / "here")
    shutil.rmtree(tmp_path / "encoder")
    (tmp_path / "here").rename(tmp_path / "there")
    loaded = spacy.load(tmp_path / "there")
    np.testing.assert_array_equal(all_vectors(loaded), expected)
    assert loaded.get_pipe("transformer").model.get_dim("nO") == expected.shape[1]


def test_bytes(make_trf: Callable[..., Language], tiny_encoder: Path) -> None:
    nlp, other = make_trf(layers=[1, 2]), make_trf(layers=[1, 2])
    with torch.no_grad():
        for parameter in find_shim(nlp).encoder.parameters():
            parameter.mul_(1.1)
    expected = all_vectors(nlp)
    assert np.abs(all_vectors(other) - expected).max() > 1e-3
    other.from_bytes(nlp.to_bytes())
    np.testing.assert_array_equal(all_vectors(other), expected)
    assert find_shim(other).to_bytes() == find_shim(nlp).to_bytes()


def test_shim_on_disk(make_trf: Callable[..., Language], tmp_path: Path) -> None:
    nlp, other = make_trf(), make_trf()
    with torch.no_grad():
        find_shim(nlp).encoder.model.embeddings.word_embeddings.weight.mul_(2.0)
    find_shim(nlp).to_disk(tmp_path / "shim")
    find_shim(other).from_disk(tmp_path / "shim")
    np.testing.assert_array_equal(all_vectors(other), all_vectors(nlp))


def test_training_goes_on_after_loading(make_trf: Callable[..., Language]) -> None:
    """Frozen layers and rates are those of the config, also in a loaded pipeline."""
    nlp = make_trf(n_frozen_layers=1, learn_rate_scale=0.5)
    nlp.from_bytes(nlp.to_bytes())
    for name, parameter in find_shim(nlp).encoder.named_parameters():
        assert parameter.requires_grad != name.startswith("model.encoder.layer.0.")
    assert set(find_shim(nlp)._lr_scales.values()) == {0.5}


def test_an_encoder_that_was_never_read(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf()
    empty = spacy.blank("en").from_config(nlp.config)
    assert read_saved(find_shim(empty).to_bytes()) == {}
    expected = all_vectors(nlp)
    find_shim(nlp).from_bytes(find_shim(empty).to_bytes())
    np.testing.assert_array_equal(all_vectors(nlp), expected)


def test_nothing_is_pickled(
    make_trf: Callable[..., Language],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nlp = make_trf()

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("something was pickled or unpickled")

    expected = all_vectors(nlp)
    for owner, name in (
        (pickle, "dump"),
        (pickle, "dumps"),
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Pickler"),
        (pickle, "Unpickler"),
        (torch, "save"),
        (torch, "load"),
    ):
        monkeypatch.setattr(owner, name, refuse)
    nlp.to_disk(tmp_path / "nlp")
    np.testing.assert_array_equal(all_vectors(spacy.load(tmp_path / "nlp")), expected)


def test_what_a_saved_encoder_consists_of(make_trf: Callable[..., Language]) -> None:
    """msgpack around safetensors, JSON and the tokenizer's own files."""
    encoder = find_shim(make_trf(layers=[1, 2])).encoder
    saved = srsly.msgpack_loads(find_shim(make_trf(layers=[1, 2])).to_bytes())
    assert set(saved) == {
        "config",
        "layers",
        "tokenizer",
        "weights",
        "graph",
        "runtime",
    }
    assert json.loads(saved["config"])["hidden_size"] == 16
    assert "_name_or_path" not in saved["config"]  # a path on the writer's machine
    assert saved["layers"] == [1, 2]
    assert (saved["graph"], saved["runtime"]) == (None, "torch")
    tensors = safetensors.torch.load(saved["weights"])
    assert set(tensors) == set(encoder.state_dict())
    json.loads(saved["tokenizer"]["tokenizer.json"])
    assert all(name.endswith((".json", ".txt")) for name in saved["tokenizer"])


def change(tensors: dict[str, torch.Tensor], how: str) -> None:
    name = "model.encoder.layer.1.output.dense.weight"
    if how == "missing":
        del tensors[name]
    elif how == "shape":
        tensors[name] = tensors[name][:, :3].contiguous()
    else:
        tensors["model.more"] = tensors[name].clone()


@pytest.mark.parametrize(
    "how,problem",
    [
        ("missing", r"layer\.1\.output\.dense\.weight' is missing"),
        ("shape", r"layer\.1\.output\.dense\.weight' has the shape \(16, 3\), exp"),
        ("unknown", r"'model\.more' is unknown"),
    ],
)
def test_wrong_weights(
    make_trf: Callable[..., Language], how: str, problem: str
) -> None:
    shim = find_shim(make_trf())
    saved = srsly.msgpack_loads(shim.to_bytes())
    tensors = safetensors.torch.load(saved["weights"])
    change(tensors, how)
    saved["weights"] = safetensors.torch.save(tensors)
    with pytest.raises(ValueError, match=rf"\[N423\].*{problem}"):
        shim.from_bytes(srsly.msgpack_dumps(saved))


@pytest.mark.parametrize("part", ["config", "layers", "tokenizer", "weights"])
def test_missing_part(make_trf: Callable[..., Language], part: str) -> None:
    shim = find_shim(make_trf())
    saved = srsly.msgpack_loads(shim.to_bytes())
    del saved[part]
    with pytest.raises(ValueError, match=rf"\[N423\].*no {part}\."):
        shim.from_bytes(srsly.msgpack_dumps(saved))


def test_damaged_weights(make_trf: Callable[..., Language]) -> None:
    shim = find_shim(make_trf())
    saved = srsly.msgpack_loads(shim.to_bytes())
    saved["weights"] = saved["weights"][:-10]
    with pytest.raises(ValueError, match=r"\[N423\].*incomplete"):
        shim.from_bytes(srsly.msgpack_dumps(saved))


@pytest.mark.parametrize(
    "cut", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"version 1 of it"]
)
def test_damaged_file(
    make_trf: Callable[..., Language], tmp_path: Path, cut: Callable[[bytes], bytes]
) -> None:
    make_trf().to_disk(tmp_path / "nlp")
    file = tmp_path / "nlp" / "transformer" / "model"
    file.write_bytes(cut(file.read_bytes()))
    with pytest.raises(ValueError, match=r"\[N423\].*'model' of the transformer can't"):
        spacy.load(tmp_path / "nlp")


def test_file_of_something_else(make_trf: Callable[..., Language]) -> None:
    with pytest.raises(ValueError, match=r"\[N423\].*no record but int"):
        find_shim(make_trf()).from_bytes(srsly.msgpack_dumps(1))


def test_missing_file(make_trf: Callable[..., Language], tmp_path: Path) -> None:
    make_trf().to_disk(tmp_path / "nlp")
    (tmp_path / "nlp" / "transformer" / "model").unlink()
    with pytest.raises(FileNotFoundError, match="transformer/model"):
        spacy.load(tmp_path / "nlp")


@pytest.mark.parametrize(
    "record,layers",
    [
        (None, (2,)),
        ({"format": 1}, (2,)),
        ({"n_frozen_layers": 0}, (1, 2)),
        ({"n_frozen_layers": 1}, (1, 2)),
        ({"n_frozen_layers": 2}, (2,)),
    ],
)
def test_default_layers(
    make_trf: Callable[..., Language],
    steady_encoder: Path,
    tmp_path: Path,
    record: dict[str, int] | None,
    layers: tuple[int, ...],
) -> None:
    """Without `layers` in the config, as the encoder's own record says."""
    shutil.copytree(steady_encoder, tmp_path / "encoder")
    if record is not None:
        (tmp_path / "encoder" / "nuner.json").write_text(json.dumps(record))
    assert default_layers(tmp_path / "encoder", 2) == layers
    assert find_shim(make_trf(tmp_path / "encoder")).encoder.layers == layers


def test_damaged_record(tmp_path: Path) -> None:
    (tmp_path / "nuner.json").write_text("{")
    with pytest.raises(ValueError, match=r"\[N408\].*nuner\.json' is not JSON"):
        default_layers(tmp_path, 2)


def test_measure_depths(make_trf: Callable[..., Language]) -> None:
    encoder = find_shim(make_trf(layers=[1, 2], join="mix")).encoder
    depths = measure_depths(encoder)
    assert set(depths) == {name for name, _ in encoder.named_parameters()}
    assert depths["mix"] == depths["model.encoder.layer.1.output.dense.bias"] == 0
    assert depths["model.encoder.layer.0.attention.self.query.weight"] == 1
    assert depths["model.embeddings.word_embeddings.weight"] == 2
