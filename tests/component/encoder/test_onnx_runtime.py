"""The encoder as an ONNX graph. Skipped without the extra `onnx`."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import srsly
import torch
from spacy.language import Language

from spacy_nuner.component.encoder import onnx_runtime
from spacy_nuner.component.encoder.onnx_runtime import OnnxEncoder, export

from ..conftest import TEXTS, make_examples, read_ents, train
from .conftest import LONG, TEXT, count_passes, find_shim, read_vectors

IS_THERE = all(importlib.util.find_spec(n) for n in ("onnx", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not IS_THERE, reason="needs the extra onnx")


def all_vectors(nlp: Language) -> np.ndarray:
    docs = nlp.pipe([TEXT, LONG * 3, "Bob", ""])
    return np.concatenate([read_vectors(doc) for doc in docs if len(doc)])


def compare(a: np.ndarray, b: np.ndarray) -> float:
    """The least cosine of two vectors of the same token."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / norms).min())


@pytest.mark.skipif(IS_THERE, reason="the extra onnx is installed")
@pytest.mark.parametrize("runtime", ["onnx", "onnx-int8"])
def test_without_the_extra(make_trf: Callable[..., Language], runtime: str) -> None:
    nlp = make_trf(runtime=runtime)
    with pytest.raises(ImportError, match=r"\[N425\].*pip install 'spacy-nuner\[onnx"):
        nlp(TEXT)


@needs_onnx
@pytest.mark.parametrize(
    "settings", [{}, {"layers": [1, 2]}, {"layers": [0, 2], "join": "mix"}]
)
def test_full_precision(
    make_trf: Callable[..., Language], settings: dict[str, Any]
) -> None:
    expected = all_vectors(make_trf(**settings))
    nlp = make_trf(runtime="onnx", **settings)
    passes = count_passes(find_shim(nlp))
    nlp("Bob")
    n_exporting = len(passes)
    np.testing.assert_allclose(all_vectors(nlp), expected, atol=1e-4)
    assert len(passes) == n_exporting  # torch computed nothing


@needs_onnx
def test_int8(make_trf: Callable[..., Language]) -> None:
    expected = all_vectors(make_trf(layers=[1, 2]))
    got = all_vectors(make_trf(layers=[1, 2], runtime="onnx-int8"))
    assert 0.98 < compare(got, expected) < 1.0 - 1e-7


@needs_onnx
def test_int8_is_smaller(make_trf: Callable[..., Language]) -> None:
    encoder = find_shim(make_trf()).encoder
    sizes = []
    for int8 in (False, True):
        graph = export(encoder, int8=int8)
        ids = torch.tensor([[0, 7, 8, 9, 2]])
        vectors = OnnxEncoder(graph)(ids, torch.ones_like(ids))
        assert vectors.shape == (1, 5, 16)
        sizes.append(graph.count(b"quantized"))
    assert sizes[0] == 0 < sizes[1]


@needs_onnx
def test_graph_is_saved(make_trf: Callable[..., Language], tmp_path: Path) -> None:
    """A pipeline that has predicted is loaded with its graph."""
    nlp = make_trf(runtime="onnx-int8")
    expected = all_vectors(nlp)
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    passes = count_passes(find_shim(loaded))
    np.testing.assert_array_equal(all_vectors(loaded), expected)
    assert passes == []  # nothing was exported anew
    saved = srsly.msgpack_loads(find_shim(loaded).to_bytes())
    assert saved["runtime"] == "onnx-int8" and len(saved["graph"]) > 1000


@needs_onnx
def test_runtime_is_chosen_when_a_pipeline_is_loaded(
    make_trf: Callable[..., Language], steady_encoder: Path, tmp_path: Path
) -> None:
    """The same folder, with torch, ONNX and 8 bits; the encoder folder is gone."""
    shutil.copytree(steady_encoder, tmp_path / "encoder")
    nlp = make_trf(tmp_path / "encoder", runtime="onnx")
    expected = all_vectors(nlp)
    nlp.to_disk(tmp_path / "nlp")
    shutil.rmtree(tmp_path / "encoder")
    key = "components.transformer.model.runtime"
    for runtime, least in (("torch", 0.9999), ("onnx", 0.9999), ("onnx-int8", 0.98)):
        loaded = spacy.load(tmp_path / "nlp", config={key: runtime})
        assert find_shim(loaded).settings.runtime == runtime
        assert compare(all_vectors(loaded), expected) > least


@needs_onnx
def test_training_makes_the_graph_anew(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp(trf={"runtime": "onnx"}, pull=0.0)
    nlp.initialize(lambda: make_examples(nlp))
    before = read_vectors(nlp.get_pipe("transformer")(nlp.make_doc(TEXT)))
    train(nlp, 60, frozen=False)
    shim = find_shim(nlp)
    after = read_vectors(nlp.get_pipe("transformer")(nlp.make_doc(TEXT)))
    assert np.abs(after - before).max() > 0.01
    nlp.config["components"]["transformer"]["model"]["runtime"] = "torch"
    torch_nlp = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert find_shim(torch_nlp).settings.runtime == "torch" != shim.settings.runtime
    doc = torch_nlp.get_pipe("transformer")(torch_nlp.make_doc(TEXT))
    np.testing.assert_allclose(read_vectors(doc), after, atol=1e-4)


@needs_onnx
def test_same_entities(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp(pull=0.0)
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 60)
    nlp.config["components"]["transformer"]["model"]["runtime"] = "onnx-int8"
    int8 = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    for text, _ in TEXTS:
        assert read_ents(int8(text)) == read_ents(nlp(text))


@needs_onnx
def test_graph_that_computes_something_else(
    make_trf: Callable[..., Language], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is there: with no tolerance it does not even pass rounding errors."""
    monkeypatch.setattr(onnx_runtime, "TOLERANCE", -1.0)
    with pytest.raises(ValueError, match=r"\[N426\].*differ by .*allowed is -1"):
        export(find_shim(make_trf()).encoder, int8=False)
