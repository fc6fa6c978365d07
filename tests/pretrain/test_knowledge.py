from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from spacy.tokens import Doc
from transformers import PreTrainedTokenizerBase

from spacy_nuner.pretrain import knowledge, unmarked
from spacy_nuner.pretrain.evaluate import encode_concepts
from spacy_nuner.pretrain.index import IndexingStopped, load_index
from spacy_nuner.pretrain.knowledge import make_rules, make_vectors
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
)
from spacy_nuner.pretrain.tokenise import Tokenisation
from spacy_nuner.pretrain.unmarked import find_unmarked
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

from .test_store import is_mapped


@pytest.fixture
def model(tiny_encoder: Path) -> ContrastiveModel:
    return build_contrastive_model(str(tiny_encoder), n_frozen_layers=1)


@pytest.fixture
def corpus(
    tmp_path: Path, concept_docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> SubtokenCorpus:
    return load_index(
        tmp_path / "index",
        concept_docs,
        Tokenisation(tokenizer, tokenizer, 128, 32, "all"),
        fingerprint="f",
        source="test",
        should_stop=bool,
    )


@pytest.mark.parametrize("at_once", [50, 8192])
def test_vectors_are_the_base_encoders(
    monkeypatch: pytest.MonkeyPatch,
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
    at_once: int,
) -> None:
    monkeypatch.setattr(knowledge, "CONCEPTS_AT_ONCE", at_once)
    expected = encode_concepts(model, corpus)
    expected /= numpy.linalg.norm(expected, axis=1, keepdims=True)
    kept = make_vectors(model, corpus)
    assert is_mapped(kept) and kept.dtype == "float16"
    for vectors in (kept, make_vectors(model, replace(corpus, folder=None))):
        numpy.testing.assert_allclose(vectors, expected, atol=1e-3)


def test_vectors_are_made_once_for_the_weights(
    tmp_path: Path, model: ContrastiveModel, corpus: SubtokenCorpus
) -> None:
    header = tmp_path / "index" / knowledge.VECTORS / "header.json"
    first = make_vectors(model, corpus)
    made = header.stat().st_mtime_ns
    numpy.testing.assert_array_equal(make_vectors(model, corpus), first)
    assert header.stat().st_mtime_ns == made
    with torch.no_grad():
        for parameter in get_encoders(model)[1].parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    assert not numpy.allclose(make_vectors(model, corpus), first, atol=1e-2)


def test_stopped_work_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
) -> None:
    monkeypatch.setattr(knowledge, "CONCEPTS_AT_ONCE", 50)
    monkeypatch.setattr(unmarked, "SENTENCES_AT_ONCE", 20)
    before = sorted((tmp_path / "index").iterdir())
    for part in (corpus, replace(corpus, folder=None)):
        with pytest.raises(IndexingStopped):
            make_vectors(model, part, should_stop=lambda: True)
        with pytest.raises(IndexingStopped):
            find_unmarked(part, should_stop=lambda: True)
        for settings in (
            {"unmarked": "keep", "synonyms": "mask"},
            {"unmarked": "mask", "synonyms": "keep"},
        ):
            options = {"subtokens": "all", "similarity": 0.7} | settings
            with pytest.raises(IndexingStopped):
                make_rules(model, part, **options, should_stop=lambda: True)
    assert sorted((tmp_path / "index").iterdir()) == before


def test_half_precision_tells_the_same_synonyms(
    model: ContrastiveModel, corpus: SubtokenCorpus
) -> None:
    rules = make_rules(
        model,
        corpus,
        subtokens="all",
        unmarked="mask",
        synonyms="mask",
        similarity=0.7,
    )
    vectors = encode_concepts(model, corpus)
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    assert rules.vectors is not None and rules.left_out_tokens is not None
    half = rules.vectors.astype("float32")
    assert abs(half @ half.T - vectors @ vectors.T).max() < 2e-3
    assert len(rules.left_out_tokens) == len(corpus)
