import numpy as np
import pytest
import spacy
from transformers import PreTrainedTokenizerBase

from spacy_nuner.evaluate.tadner.words import (
    Encoded,
    Marked,
    Tags,
    Words,
    encode_words,
    read_tags,
    tag_words,
    type_words,
)


def make_words(text: str) -> Words:
    doc = spacy.blank("en").make_doc(text)
    starts = np.array([token.idx for token in doc], dtype="int64")
    return Words(text, starts, starts + [len(token) for token in doc])


def make_marked(sizes: list[int], spans: list[list[tuple[int, int, int]]]) -> Marked:
    sentences = [
        Encoded(np.zeros(n + 2, dtype="int64"), np.arange(1, n + 1)) for n in sizes
    ]
    rows = [np.array(part, dtype="int64").reshape(-1, 3) for part in spans]
    return Marked(sentences, rows)


def test_first_subtoken_of_each_word(tokenizer: PreTrainedTokenizerBase) -> None:
    words = make_words("Kraków’s hall, rebuilt in 2010.")
    (encoded,) = encode_words([words], tokenizer, max_length=128)
    assert len(encoded.firsts) == len(words.starts)
    offsets = tokenizer(words.text, return_offsets_mapping=True)["offset_mapping"]
    for first, start in zip(
        encoded.firsts.tolist(), words.starts.tolist(), strict=True
    ):
        assert offsets[first][0] <= start < offsets[first][1]


def test_white_space_and_what_is_cut_have_none(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    words = make_words("The  hall of the old town was rebuilt")
    (encoded,) = encode_words([words], tokenizer, max_length=8)
    known = encoded.firsts >= 0
    assert known[0] and not known[1]  # "The", white space
    assert not known[-1]
    assert encoded.firsts.max() < 7


def test_a_cut_sentence_leaves_the_next_one_alone(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """The published code counts on: all vectors after a cut were of wrong words."""
    long, short = make_words("a very long sentence " * 20), make_words("Oslo is old")
    alone = encode_words([short], tokenizer, max_length=16)[0]
    after = encode_words([long, short], tokenizer, max_length=16)[1]
    assert after.firsts.tolist() == alone.firsts.tolist()
    assert after.ids.tolist() == alone.ids.tolist()


NEIGHBOURS = [[(0, 2, 1), (2, 3, 1)], [], [(1, 2, 2)]]


@pytest.mark.parametrize(
    "scheme,tags,found",
    [
        ("io", [1, 1, 1, 0, 0, 0, 1], [[[0, 3]], [], [[1, 2]]]),
        ("bio", [1, 2, 1, 0, 0, 0, 1], [[[0, 2], [2, 3]], [], [[1, 2]]]),
    ],
)
def test_tags_and_back(scheme: Tags, tags: list[int], found: list) -> None:
    marked = make_marked([4, 1, 2], NEIGHBOURS)
    assert tag_words(marked, scheme).tolist() == tags
    spans = read_tags(np.array(tags), marked.n_words, scheme)
    assert [part.tolist() for part in spans] == found


def test_mentions_end_with_their_sentence() -> None:
    """Few-NERD's evaluator reads on across the border."""
    spans = read_tags(np.array([0, 1, 1, 0]), np.array([2, 2]), "io")
    assert [part.tolist() for part in spans] == [[[1, 2]], [[0, 1]]]


def test_sentence_without_words() -> None:
    spans = read_tags(np.array([1, 1]), np.array([1, 0, 1]), "io")
    assert [part.tolist() for part in spans] == [[[0, 1]], [], [[0, 1]]]


def test_types() -> None:
    marked = make_marked([4, 1, 2], NEIGHBOURS)
    assert type_words(marked).tolist() == [1, 1, 1, 0, 0, 0, 2]
