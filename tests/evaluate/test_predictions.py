"""Predictions on disk: small, whole, and enough for every metric."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import make_gold
from spacy_nuner.evaluate.metrics import find_spans
from spacy_nuner.evaluate.predictions import (
    Predictions,
    fill_types,
    hash_gold,
    predictions_path,
    read_predictions,
    write_predictions,
)


def rows(*values):
    return np.array(values, dtype="int64").reshape(-1, 3)


@pytest.mark.parametrize(
    "spans", [rows(), rows((0, 1, 1)), rows((2, 5, 3), (5, 6, 1), (90_000, 90_400, 12))]
)
@pytest.mark.parametrize("sentences", [None, [3, 1]])
def test_what_is_written_is_read(tmp_path, spans, sentences):
    cell = tmp_path / "k1" / "seed0.json"
    given = Predictions(spans, "key", "gold", sentences)
    write_predictions(cell, given)
    found = read_predictions(predictions_path(cell))
    np.testing.assert_array_equal(found.spans, spans)
    assert found.spans.dtype == np.int64
    assert found[1:] == given[1:]
    assert [path.name for path in cell.parent.iterdir()] == ["seed0.npz"]


def test_the_same_predictions_are_the_same_bytes(tmp_path):
    spans = rows((4, 6, 2), (0, 1, 1))
    for name in ("a", "b"):
        write_predictions(tmp_path / f"{name}.json", Predictions(spans, "x", "y"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = read_predictions(tmp_path / "a.npz").spans
    np.testing.assert_array_equal(found, spans[::-1])


def test_thousands_of_entities_take_a_few_kilobytes(tmp_path):
    rng = np.random.default_rng(0)
    starts = np.cumsum(rng.integers(3, 20, size=5000))
    spans = np.stack([starts, starts + rng.integers(1, 4, 5000), starts % 8 + 1], 1)
    write_predictions(tmp_path / "seed0.json", Predictions(spans, "x" * 64, "y" * 64))
    assert (tmp_path / "seed0.npz").stat().st_size < 10_000


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"[1, 2]"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "seed0.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"N513.*seed0\.npz"):
        read_predictions(path)


def test_an_archive_of_something_else(tmp_path):
    np.savez(tmp_path / "seed0.npz", other=np.zeros(3))
    with pytest.raises(ValueError, match="N513"):
        read_predictions(tmp_path / "seed0.npz")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_predictions(tmp_path / "seed0.npz")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30))
def test_types_come_back_from_entities(values):
    types = np.array(values, dtype="int64")
    spans = find_spans(types, np.array([len(types)]))
    np.testing.assert_array_equal(fill_types(spans, len(types)), types)


def test_the_hash_sees_words_entities_and_labels():
    def make(words, label="A"):
        doc = Doc(Vocab(), words=words)
        doc.ents = [Span(doc, 0, 1, label)]
        return make_gold([doc], ["A", "B"], source="here")

    hashes = {
        hash_gold(make(["x", "y"]), ["A", "B"]),
        hash_gold(make(["x", "z"]), ["A", "B"]),
        hash_gold(make(["x", "y"], "B"), ["A", "B"]),
        hash_gold(make(["x", "y"]), ["A", "C"]),
    }
    assert len(hashes) == 4
    assert hash_gold(make(["x", "y"]), ["A", "B"]) in hashes
