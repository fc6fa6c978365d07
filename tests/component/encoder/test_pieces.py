from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoTokenizer, BertTokenizerFast

from spacy_nuner.component.encoder.pieces import (
    align,
    cut_docs,
    find_special,
    token_edges,
)

NLP = spacy.blank("en")
TEXTS = [
    "Maria met Bob in Paris.",
    "She didn't, did she?",
    "  two spaces  within  ",
    "Zo\u0308e\u0301 an\u0303o",  # combining marks
    "wide\u00a0space",
    "😀 and 🏳️\u200d🌈!",
    "a\u200bb \u200b c",
    "x" * 300,
    "\n\n\tBob\n",
]


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Any:
    return AutoTokenizer.from_pretrained(str(tiny_encoder))


def test_find_special(tokenizer: Any, tmp_path: Path) -> None:
    special = find_special(tokenizer)
    assert (special.prefix, special.suffix, special.n) == ([0], [2], 2)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    bert = BertTokenizerFast(str(tmp_path / "vocab.txt"))
    assert find_special(bert)[:] == ([2], [3])


def test_find_special_without_any() -> None:
    from transformers import PreTrainedTokenizerFast

    model = Tokenizer(WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    bare = PreTrainedTokenizerFast(tokenizer_object=model)
    assert find_special(bare)[:] == ([], [])


@pytest.mark.parametrize("text", TEXTS)
def test_token_edges(text: str) -> None:
    doc = NLP(text)
    edges = token_edges(doc)
    assert edges.tolist() == [[t.idx, t.idx + len(t)] for t in doc]
    assert [text[a:b] for a, b in edges] == [t.text for t in doc]


ALIGN = [
    # "New York": whole tokens
    ([(0, 3), (4, 8)], [(0, 3), (4, 8)], [0, 1], [0, 1], [1, 1]),
    # "Parisian" in two sub-tokens
    ([(0, 5), (5, 8)], [(0, 8)], [0, 1], [0, 0], [0.5, 0.5]),
    # "don't": a sub-token across two tokens
    ([(0, 1), (1, 5)], [(0, 2), (2, 5)], [0, 1, 1], [0, 0, 1], [0.5, 0.5, 1]),
    # a token without sub-tokens between two others
    ([(0, 1), (3, 4)], [(0, 1), (1, 3), (3, 4)], [0, 1], [0, 2], [1, 1]),
    # sub-tokens without characters, and one of no token
    ([(0, 0), (0, 1), (1, 2), (2, 2)], [(0, 1)], [1], [0], [1]),
    # several sub-tokens of one character
    ([(0, 1), (0, 1), (0, 1)], [(0, 1)], [0, 1, 2], [0, 0, 0], [1 / 3] * 3),
    ([], [(0, 2)], [], [], []),
    ([(0, 2)], [], [], [], []),
]


@pytest.mark.parametrize("offsets,edges,pieces,tokens,weights", ALIGN)
def test_align(
    offsets: Any, edges: Any, pieces: Any, tokens: Any, weights: Any
) -> None:
    got = align(to_array(offsets), to_array(edges), "mean")
    assert [array.tolist() for array in got[:2]] == [pieces, tokens]
    np.testing.assert_allclose(got[2], weights, rtol=1e-6)


def to_array(pairs: Any) -> Any:
    return np.array(pairs, dtype="int64").reshape(-1, 2)


@pytest.mark.parametrize("pooling,pieces", [("first", [0, 1]), ("last", [1, 1])])
def test_one_sub_token_per_token(pooling: Any, pieces: list[int]) -> None:
    got = align(to_array([(0, 1), (1, 5)]), to_array([(0, 2), (2, 5)]), pooling)
    assert got[0].tolist() == pieces
    assert (got[1].tolist(), got[2].tolist()) == ([0, 1], [1.0, 1.0])


def test_one_sub_token_per_token_where_there_is_none() -> None:
    for pooling in ("first", "last"):
        got = align(to_array([(2, 3)]), to_array([(0, 1), (2, 3)]), pooling)
        assert (got[0].tolist(), got[1].tolist()) == ([0], [1])


def cut_at(places: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(places))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=2).map(sorted),
    st.lists(st.integers(0, 12), min_size=2, unique=True).map(sorted),
)
def test_align_says_what_a_double_loop_says(
    piece_places: list[int], token_places: list[int]
) -> None:
    offsets, edges = cut_at(piece_places), cut_at(token_places)
    expected = [
        (i, j)
        for i, (a, b) in enumerate(offsets)
        for j, (c, d) in enumerate(edges)
        if a < b and a < d and b > c
    ]
    piece, token, weight = align(to_array(offsets), to_array(edges), "mean")
    assert list(zip(piece.tolist(), token.tolist(), strict=True)) == expected
    totals = np.bincount(token, weights=weight, minlength=len(edges))
    covered = {j for _, j in expected}
    for j, total in enumerate(totals):
        assert total == pytest.approx(1.0 if j in covered else 0.0)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_cut_docs(tokenizer: Any, pooling: Any) -> None:
    docs = [NLP(text) for text in TEXTS]
    pieces = cut_docs(docs, tokenizer, pooling)
    assert pieces.n_tokens == sum(len(doc) for doc in docs)
    tokens = [token for doc in docs for token in doc]
    totals = np.bincount(
        pieces.part_token, weights=pieces.part_weight, minlength=len(tokens)
    )
    for token, total in zip(tokens, totals, strict=True):
        # Spaces are what a byte-level tokenizer leaves to the sub-token behind
        assert total == pytest.approx(0.0 if not token.text.strip(" ") else 1.0)
    assert (np.diff(pieces.part_piece) >= 0).all()
    for i, doc in enumerate(docs):
        begin, end = pieces.starts[i], pieces.starts[i + 1]
        alone = tokenizer(doc.text, add_special_tokens=False)["input_ids"]
        assert pieces.ids[begin:end].tolist() == alone


def test_texts_are_never_cut_short(tokenizer: Any) -> None:
    """Also where the tokenizer's own file says that it truncates and pads."""
    tokenizer = AutoTokenizer.from_pretrained(tokenizer.name_or_path)
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=64)
    pieces = cut_docs([NLP("x" * 300), NLP("Bob")], tokenizer, "mean")
    assert pieces.starts[1] > 200 and pieces.starts[2] - pieces.starts[1] < 10


def test_tokens_without_any_sub_token_of_their_own(tokenizer: Any) -> None:
    doc = Doc(NLP.vocab, words=["a", " ", "b"], spaces=[True, False, False])
    pieces = cut_docs([doc], tokenizer, "mean")
    assert set(pieces.part_token.tolist()) == {0, 2}


def test_no_docs(tokenizer: Any) -> None:
    pieces = cut_docs([], tokenizer, "mean")
    assert (len(pieces.ids), pieces.starts.tolist(), pieces.n_tokens) == (0, [0], 0)
