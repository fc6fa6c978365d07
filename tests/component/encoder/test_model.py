"""The layer as a whole: settings, long texts, texts without tokens."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from confection import ConfigValidationError
from spacy.language import Language
from thinc.api import Linear, chain
from transformers import AutoModel

from spacy_nuner.component.encoder.model import (
    MAX_ITEMS,
    build_transformer_model,
    find_transformer_model,
    make_windows,
)

from .conftest import (
    LONG,
    TEXT,
    count_passes,
    encode_plainly,
    find_shim,
    pool,
    read_vectors,
)


@pytest.mark.parametrize(
    "name,got,allowed",
    [
        ("pooling", "max", "mean, first, last"),
        ("join", "sum", "concat, mean, mix"),
        ("runtime", "tensorrt", "torch, onnx, onnx-int8"),
    ],
)
def test_unknown_choices(
    make_trf: Callable[..., Language], name: Any, got: str, allowed: str
) -> None:
    with pytest.raises(ValueError, match=rf"\[N409\] .*{name} = '{got}'.*{allowed}"):
        build_transformer_model("encoder", **{name: got})
    # In a config confection says it, and names the section
    with pytest.raises(ConfigValidationError, match=rf"model -> {name}[\s\S]*{got}"):
        make_trf(**{name: got})


@pytest.mark.parametrize("window,stride", [(10, 11), (10, 0), (10, -1), (0, 0)])
def test_windows_that_leave_gaps(window: int, stride: int) -> None:
    expected = rf"\[N424\].*{window} sub-tokens with a stride of {stride} "
    with pytest.raises(ValueError, match=expected):
        build_transformer_model("encoder", window=window, stride=stride)


def test_no_such_encoder(make_trf: Callable[..., Language], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N30[23]\].*nothing"):
        make_trf(tmp_path / "nothing")


def test_not_initialized(make_trf: Callable[..., Language]) -> None:
    nlp = spacy.blank("en").from_config(make_trf().config)
    with pytest.raises(ValueError, match=r"\[N422\].*tiny' has not been read.*initial"):
        nlp(TEXT)


def test_initialized_twice_is_read_once(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf()
    encoder = find_shim(nlp).encoder
    nlp.initialize()
    assert find_shim(nlp).encoder is encoder


def test_find_transformer_model(make_trf: Callable[..., Language]) -> None:
    model = make_trf().get_pipe("transformer").model
    assert find_transformer_model(model) is model
    assert find_transformer_model(chain(Linear(2, 2), model)) is model
    assert find_transformer_model(Linear(2, 2)) is None


@pytest.mark.parametrize("pooling,which", [("first", 0), ("last", -1)])
def test_poolings(
    make_trf: Callable[..., Language], steady_encoder: Path, pooling: str, which: int
) -> None:
    doc = make_trf(pooling=pooling)("Kowalska")
    plain = encode_plainly(steady_encoder, "Kowalska")
    pairs = zip(plain.states[-1], plain.offsets, strict=True)
    own = [state for state, (a, b) in pairs if a < b]
    assert len(own) > 4
    expected = own[which].detach().numpy()
    np.testing.assert_allclose(read_vectors(doc), [expected], atol=1e-5)


@pytest.mark.parametrize("texts", [[""], ["", ""], ["", "Bob", ""], ["Bob"]])
def test_texts_without_tokens(
    make_trf: Callable[..., Language], texts: list[str]
) -> None:
    docs = list(make_trf().pipe(texts))
    for doc, text in zip(docs, texts, strict=True):
        assert doc.text == text
        if text:
            assert read_vectors(doc).shape == (1, 16)
        else:
            assert not doc._.trf_data.model_output


def test_white_space_has_a_vector_of_zeros(make_trf: Callable[..., Language]) -> None:
    doc = make_trf()("Ada   met  Bob")
    assert [token.text for token in doc] == ["Ada", "  ", "met", " ", "Bob"]
    norms = np.linalg.norm(read_vectors(doc), axis=1)
    assert (norms[[1, 3]] == 0).all() and (norms[[0, 2, 4]] > 0).all()


def test_nothing_but_white_space(make_trf: Callable[..., Language]) -> None:
    doc = make_trf()("   ")
    assert len(doc) == 1 and not read_vectors(doc).any()


def test_giant_token(make_trf: Callable[..., Language], steady_encoder: Path) -> None:
    """Longer than the encoder: the mean over the merged windows of its sub-tokens."""
    nlp = make_trf(window=32, stride=24)
    doc = nlp("x" * 500 + " Bob")
    assert len(doc) == 2 and len(nlp("x" * 500)) == 1
    passes = count_passes(find_shim(nlp))
    vectors = read_vectors(nlp("x" * 500 + " Bob"))
    # 500 sub-tokens and some for "Bob", a window every 24
    assert sum(passes) >= 500 / 24
    np.testing.assert_allclose(vectors, read_vectors(doc), atol=1e-6)
    assert np.abs(vectors).min() > 0 and np.isfinite(vectors).all()


def merge_plainly(nlp: Language, text: str, *, window: int, stride: int) -> np.ndarray:
    """Windows and their merged votes, one sub-token after the other."""
    tokenizer: Any = find_shim(nlp).tokenizer
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, n = found["input_ids"], len(found["input_ids"])
    overlap = window - stride
    n_windows = max(1, math.ceil((n - overlap) / stride))
    size = math.ceil((n + (n_windows - 1) * overlap) / n_windows)
    starts = [i * (n - size) // max(n_windows - 1, 1) for i in range(n_windows)]
    encoder = find_shim(nlp).encoder.eval()
    votes, weights = [[] for _ in ids], [[] for _ in ids]
    for start in starts:
        inner = ids[start : start + size]
        with torch.inference_mode():
            states = encoder.model(torch.tensor([[0, *inner, 2]])).last_hidden_state[0]
        for i in range(len(inner)):
            votes[start + i].append(states[1 + i].numpy())
            weights[start + i].append(min(i + 1, len(inner) - i))
    merged = [
        np.average(own, axis=0, weights=weight)
        for own, weight in zip(votes, weights, strict=True)
    ]
    doc = nlp.make_doc(text)
    rows = []
    for token in doc:
        own = [
            merged[i]
            for i, (a, b) in enumerate(found["offset_mapping"])
            if a < b and a < token.idx + len(token) and b > token.idx
        ]
        rows.append(np.mean(own, axis=0) if own else np.zeros(16))
    return np.stack(rows)


@pytest.mark.parametrize("window,stride", [(100, 80), (32, 24), (20, 20), (14, 5)])
def test_long_text_by_hand(
    make_trf: Callable[..., Language], window: int, stride: int
) -> None:
    nlp = make_trf(window=window, stride=stride)
    expected = merge_plainly(nlp, LONG, window=window, stride=stride)
    got = read_vectors(nlp(LONG))
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.fixture
def contextual_encoder(steady_encoder: Path, tmp_path: Path) -> Path:
    """Random weights, but what surrounds a sub-token counts and its place does not."""
    path = tmp_path / "contextual"
    shutil.copytree(steady_encoder, path)
    model = AutoModel.from_pretrained(path, add_pooling_layer=False)
    with torch.no_grad():
        model.embeddings.position_embeddings.weight.zero_()
        for layer in model.encoder.layer:
            for name in ("query", "key", "value"):
                getattr(layer.attention.self, name).weight.mul_(20.0)
    model.save_pretrained(path)
    return path


def test_merged_votes_are_closer_to_the_whole_text(
    make_trf: Callable[..., Language], contextual_encoder: Path
) -> None:
    """Than those of windows side by side, of which each sees one side of a border."""
    text = LONG[:250]
    plain = encode_plainly(contextual_encoder, text)
    assert 80 < len(plain.ids) <= 128
    errors = []
    for stride in (16, 32):
        doc = make_trf(contextual_encoder, window=32, stride=stride)(text)
        whole = pool(doc, plain, plain.states[-1]).detach().numpy()
        errors.append(np.linalg.norm(read_vectors(doc) - whole, axis=1).mean())
    assert 0 < errors[0] < 0.95 * errors[1]
    assert errors[0] < 0.05 * np.linalg.norm(whole, axis=1).mean()


def test_window_larger_than_the_encoder(make_trf: Callable[..., Language]) -> None:
    """It shrinks to what the encoder can take, and still overlaps."""
    nlp = make_trf(window=1000, stride=900)
    doc = nlp.make_doc(" ".join([LONG] * 5))
    batch = make_windows(nlp.get_pipe("transformer").model, [doc])
    assert 100 < max(group.ids.shape[1] for group in batch.groups) <= 128
    votes = np.concatenate([group.tokens for group in batch.groups])
    assert len(set(votes.tolist())) == len(doc)
    vectors = read_vectors(nlp(doc.text))
    assert vectors.shape == (len(doc), 16) and np.abs(vectors).sum(1).min() > 0


def test_characters_are_exact(make_trf: Callable[..., Language]) -> None:
    text = "Zo\u0308e  😀\u00a0met\u200b Bob\n" * 20
    doc = make_trf(window=16, stride=12)(text)
    assert doc.text == text
    assert len(read_vectors(doc)) == len(doc)


def test_batches_are_bounded(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf(window=32, stride=24)
    docs = [nlp.make_doc(text) for text in [LONG * 8, TEXT, "Bob", LONG] * 5]
    batch = make_windows(nlp.get_pipe("transformer").model, docs)
    assert all(group.ids.size <= MAX_ITEMS["cpu"] for group in batch.groups)
    padding = sum(int((group.mask == 0).sum()) for group in batch.groups)
    assert padding < 0.1 * sum(group.mask.size for group in batch.groups)
