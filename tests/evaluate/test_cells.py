"""Cells on disk: names, keys, whole or not at all."""

import pytest
import srsly

from spacy_nuner.evaluate.cells import (
    cell_path,
    is_finished,
    write_json,
    write_unreachable,
)


@pytest.mark.parametrize(("k", "folder"), [(4, "k4"), ("kw8", "kw8")])
def test_cell_path(tmp_path, k, folder):
    path = cell_path(tmp_path, system="base", dataset="gallery", k=k, seed=3)
    assert path == tmp_path / "base" / "gallery" / folder / "seed3.json"


def test_is_finished(tmp_path):
    path = tmp_path / "a" / "seed0.json"
    assert not is_finished(path, "x")
    write_json(path, {"key": "x"})
    assert is_finished(path, "x")
    assert not is_finished(path, "y")
    path.write_text('{"key": "x"')
    assert not is_finished(path, "x")


def test_a_failed_write_leaves_the_old_cell(tmp_path):
    path = tmp_path / "seed0.json"
    write_json(path, {"key": "old"})
    with pytest.raises(TypeError):
        write_json(path, {"key": object()})
    assert srsly.read_json(path) == {"key": "old"}


def test_unreachable_keeps_what_was_not_asked(tmp_path):
    def entry(dataset, k):
        return {"dataset": dataset, "k": k, "types": {"A": 1}, "reason": "few"}

    write_unreachable(tmp_path, [entry("b", 4)], asked=[("b", 4)])
    write_unreachable(tmp_path, [entry("a", 8)], asked=[("a", 4), ("a", 8)])
    write_unreachable(tmp_path, [], asked=[("a", 4)])
    found = srsly.read_json(tmp_path / "unreachable.json")
    assert [(e["dataset"], e["k"]) for e in found] == [("a", 8), ("b", 4)]
    write_unreachable(tmp_path, [], asked=[("a", 8), ("b", 4)])
    assert srsly.read_json(tmp_path / "unreachable.json") == []
