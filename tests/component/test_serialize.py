"""Saving and loading; what is said when a folder is damaged."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
from safetensors.numpy import load_file, save_file
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Ragged

from .conftest import TEXTS, make_examples, read_ents, train

TEXT = TEXTS[0][0]
ENTS = [("Maria", "PER"), ("Bob", "PER"), ("Paris", "CITY")]
MODEL = "nuner/model.safetensors"


@pytest.fixture
def folder(nlp: Language, tmp_path: Path) -> Path:
    """A saved pipeline."""
    nlp.to_disk(tmp_path / "nlp")
    return tmp_path / "nlp"


def assert_same_pipe(nlp: Language, other: Language) -> None:
    pipe, theirs = nlp.get_pipe("nuner"), other.get_pipe("nuner")
    assert theirs.cfg == pipe.cfg and theirs.tags == pipe.tags
    for ours, node in zip(pipe.head.walk(), theirs.head.walk(), strict=True):
        for name in ours.param_names:
            assert ours.has_param(name) == node.has_param(name)
            if ours.has_param(name):
                left, right = ours.get_param(name), node.get_param(name)
                np.testing.assert_array_equal(left, right)
        assert ours.attrs.get("pull") == node.attrs.get("pull")
    assert read_ents(other(TEXT)) == read_ents(nlp(TEXT))
    np.testing.assert_array_equal(
        other(TEXT).spans["nuner"].attrs["scores"],
        nlp(TEXT).spans["nuner"].attrs["scores"],
    )


@pytest.mark.parametrize("tagging", ["io", "bio"])
@pytest.mark.parametrize("hidden_width", [None, 8])
def test_round_trip(
    make_nlp: Callable[..., Language],
    tmp_path: Path,
    hidden_width: int | None,
    tagging: str,
) -> None:
    settings = {"tagging": tagging, "model": {"hidden_width": hidden_width}}
    nlp = make_nlp(**settings)
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 10)
    nlp.get_pipe("nuner").cfg["none_shift"] = 0.25
    nlp.to_disk(tmp_path / "nlp")
    assert_same_pipe(nlp, spacy.load(tmp_path / "nlp"))
    assert_same_pipe(nlp, make_nlp(**settings).from_bytes(nlp.to_bytes()))


def test_matrix_is_saved(
    make_nlp: Callable[..., Language], calibrated_folder: Path, tmp_path: Path
) -> None:
    nlp = make_nlp(trf={"name": str(calibrated_folder)})
    pipe = nlp.get_pipe("nuner")
    pipe.initialize(lambda: make_examples(nlp), nlp=nlp, encoder=calibrated_folder)
    assert pipe.head.get_ref("input").get_param("whiten").ndim == 2
    nlp.to_disk(tmp_path / "nlp")
    assert_same_pipe(nlp, spacy.load(tmp_path / "nlp"))


def test_training_goes_on_after_loading(folder: Path) -> None:
    nlp = spacy.load(folder)
    assert train(nlp)["nuner"] < 0.2 and read_ents(nlp(TEXT)) == ENTS


def test_not_started(make_nlp: Callable[..., Language], tmp_path: Path) -> None:
    """A pipe can be saved before it has labels, and started afterwards."""
    nlp = make_nlp()
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    assert not loaded.get_pipe("nuner").is_started
    loaded.initialize(lambda: make_examples(loaded))
    assert loaded.get_pipe("nuner").labels == ("CITY", "PER")


def test_loads_over_other_labels(trained: Language, tmp_path: Path) -> None:
    pipe = trained.get_pipe("nuner")
    data = pipe.to_bytes()
    pipe.to_disk(tmp_path / "nuner")
    X = Ragged(np.ones((2, 16), dtype="f"), np.array([2]))
    for load in (
        lambda: pipe.from_bytes(data),
        lambda: pipe.from_disk(tmp_path / "nuner"),
    ):
        pipe.begin(X, np.zeros(2, dtype="int64"), ["A", "B", "C"])
        load()
        assert pipe.labels == ("CITY", "PER") and len(pipe.tags) == 5
        assert read_ents(trained(TEXT)) == ENTS


def test_pickle(trained: Language) -> None:
    pipe = trained.get_pipe("nuner")
    restored = pickle.loads(pickle.dumps(trained))
    assert restored.get_pipe("nuner").labels == pipe.labels
    assert read_ents(restored(TEXT)) == ENTS


def test_doc_with_scores_survives_bytes(trained: Language) -> None:
    doc = trained(TEXT)
    again = Doc(trained.vocab).from_bytes(doc.to_bytes(exclude=["user_data"]))
    assert list(again.spans["nuner"].attrs["scores"]) == pytest.approx(
        list(doc.spans["nuner"].attrs["scores"])
    )


@pytest.mark.parametrize("name", ["cfg", "model.safetensors"])
def test_missing_file(folder: Path, name: str) -> None:
    (folder / "nuner" / name).unlink()
    with pytest.raises(ValueError, match=rf"\[N432\] '.*nuner/{name}' is missing"):
        spacy.load(folder)


def test_excluded_file_may_be_missing(folder: Path, nlp: Language) -> None:
    (folder / "nuner" / "cfg").unlink()
    pipe = nlp.get_pipe("nuner").from_disk(folder / "nuner", exclude=["cfg", "vocab"])
    assert pipe.labels == ("CITY", "PER")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def replace(path: Path) -> None:
    path.write_bytes(pickle.dumps({"W": np.ones(3)}))


def drop_header(path: Path) -> None:
    save_file(load_file(path), path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, replace, drop_header, empty])
def test_damaged_weights(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / MODEL)
    with pytest.raises(ValueError, match=rf"\[N431\].*{MODEL}'.*damaged"):
        spacy.load(folder)


def test_damaged_bytes(nlp: Language) -> None:
    pipe = nlp.get_pipe("nuner")
    data = srsly.msgpack_loads(pipe.to_bytes())
    data["model"] = data["model"][:-1]
    with pytest.raises(ValueError, match=r"\[N431\] Can't load 'nuner'"):
        pipe.from_bytes(srsly.msgpack_dumps(data))


def test_labels_that_do_not_fit(folder: Path) -> None:
    cfg = srsly.read_json(folder / "nuner" / "cfg")
    srsly.write_json(folder / "nuner" / "cfg", cfg | {"labels": ["CITY", "PER", "X"]})
    match = r"\[N431\].*nlp/nuner'.*\(15, 16\).*3 labels \(CITY, PER, X\)"
    with pytest.raises(ValueError, match=match):
        spacy.load(folder)


@pytest.mark.parametrize("hidden_width", [None, 8])
@pytest.mark.parametrize("name", ["W", "b", "W0", "b0", "mean", "whiten"])
@pytest.mark.parametrize("is_missing", [False, True])
def test_arrays_that_do_not_fit(
    make_nlp: Callable[..., Language],
    tmp_path: Path,
    hidden_width: int | None,
    name: str,
    is_missing: bool,
) -> None:
    """Each array has the shape that labels and layers ask for, or loading fails."""
    nlp = make_nlp(model={"hidden_width": hidden_width})
    nlp.initialize(lambda: make_examples(nlp))
    nlp.get_pipe("nuner").to_disk(tmp_path)
    path = tmp_path / "model.safetensors"
    arrays = load_file(path)
    key = next(key for key in arrays if key.endswith(f".{name}"))
    array = arrays.pop(key)
    if not is_missing:
        arrays[key] = np.ascontiguousarray(array[..., :-1])
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    save_file(arrays, path, metadata=json.loads(content[8 : 8 + size])["__metadata__"])
    with pytest.raises(ValueError, match=rf"\[N431\].*'{name}'"):
        nlp.get_pipe("nuner").from_disk(tmp_path)


def test_another_config(folder: Path, make_nlp: Callable[..., Language]) -> None:
    pipe = make_nlp(model={"hidden_width": 8}).get_pipe("nuner")
    with pytest.raises(ValueError, match=r"\[N431\].*layers.*those of the config"):
        pipe.from_disk(folder / "nuner", exclude=["vocab"])


def test_concept_encoder_is_saved_with_its_vectors(
    make_nlp: Callable[..., Language], calibrated_folder: Path, tmp_path: Path
) -> None:
    """Labels can be set after loading, without the encoder's folder."""
    encoder = tmp_path / "encoder"
    shutil.copytree(calibrated_folder, encoder)
    nlp = make_nlp(trf={"name": str(encoder)}, labels=["PER"], encoder=str(encoder))
    nlp.initialize()
    nlp.to_disk(tmp_path / "nlp")
    for labels in (["PER"], ["CITY", "RIVER"]):
        nlp.get_pipe("nuner").set_labels(labels)
    shutil.rmtree(encoder)
    loaded = spacy.load(tmp_path / "nlp")
    pipe = loaded.get_pipe("nuner")
    assert list(pipe.label_encoder.cache) == ["per"]
    pipe.set_labels(["CITY", "RIVER"])
    assert_same_pipe(nlp, loaded)
    # What is known needs no model, even if its weights are gone
    saved = tmp_path / "nlp" / "nuner"
    (saved / "concept_encoder" / "model.safetensors").unlink()
    spacy.load(tmp_path / "nlp").get_pipe("nuner").set_labels(["PER"])


def test_frozen_labels_leave_nothing_behind(
    make_nlp: Callable[..., Language], encoder_folder: Path, tmp_path: Path
) -> None:
    """Also where the pipeline is saved over one that still had its concept encoder."""
    nlp = make_nlp(labels=["PER"], encoder=str(encoder_folder))
    nlp.initialize()
    nlp.to_disk(tmp_path / "nlp")
    saved = tmp_path / "nlp" / "nuner"
    assert (saved / "concept_encoder").is_dir()
    nlp.get_pipe("nuner").freeze_labels()
    nlp.to_disk(tmp_path / "nlp")
    assert {path.name for path in saved.iterdir()} == {"cfg", "model.safetensors"}
    loaded = spacy.load(tmp_path / "nlp")
    assert loaded.get_pipe("nuner").label_encoder is None
    assert_same_pipe(nlp, loaded)
