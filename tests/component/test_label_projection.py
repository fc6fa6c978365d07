"""A concept encoder of another width than the text encoder, inside a pipeline."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language

from spacy_nuner.component.label_encoder import embed_labels
from spacy_nuner.hf import save_projection

from ..pretrain.families import build_family
from .conftest import TEXTS


@pytest.fixture(scope="module")
def two_widths(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """An encoder folder of width 16 with a concept encoder of width 24."""
    path = tmp_path_factory.mktemp("encoders") / "both"
    shutil.copytree(tiny_encoder, path)
    texts = [text for text, _ in TEXTS]
    inner = build_family("roberta", path / "concept_encoder", texts, width=24)
    torch.manual_seed(0)
    save_projection(torch.nn.Linear(24, 16), inner)
    settings = {"format": 1, "temperature": 5.0, "bias": -5.0, "pooling": "mean"}
    (path / "nuner.json").write_text(json.dumps(settings))
    return path


def test_pipeline_carries_the_projection(
    make_nlp: Callable[..., Language], two_widths: Path, tmp_path: Path
) -> None:
    nlp = make_nlp(labels=["PER"], encoder=str(two_widths))
    nlp.initialize()
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    pipe = loaded.get_pipe("nuner")
    pipe.set_labels(["WINE_GRAPE"])
    expected = embed_labels(two_widths, [["wine grape"]])
    got = embed_labels(pipe.label_encoder, [["wine grape"]])
    assert got.shape == (1, 16)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_pipeline_with_frozen_labels_needs_neither(
    make_nlp: Callable[..., Language], two_widths: Path, tmp_path: Path
) -> None:
    nlp = make_nlp(labels=["PER"], encoder=str(two_widths))
    nlp.initialize()
    before = nlp(TEXTS[0][0]).spans["nuner"].attrs["scores"]
    nlp.get_pipe("nuner").freeze_labels()
    nlp.to_disk(tmp_path / "nlp")
    assert not list((tmp_path / "nlp").rglob("projection.safetensors"))
    after = spacy.load(tmp_path / "nlp")(TEXTS[0][0]).spans["nuner"].attrs["scores"]
    np.testing.assert_allclose(after, before, atol=1e-5)
