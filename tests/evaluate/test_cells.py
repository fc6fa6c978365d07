"""Cells on disk: names, keys, whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
import srsly

from spacy_nuner.evaluate import cells
from spacy_nuner.evaluate.cells import (
    cell_path,
    is_finished,
    k_order,
    write_cell,
    write_json,
    write_unreachable,
)
from spacy_nuner.evaluate.predictions import Predictions

NOTHING = Predictions(np.zeros((0, 3), dtype="int64"), "x", "y")


@pytest.mark.parametrize(("k", "folder"), [(4, "k4"), ("kw8", "kw8")])
def test_cell_path(tmp_path, k, folder):
    path = cell_path(tmp_path, system="base", dataset="gallery", k=k, seed=3)
    assert path == tmp_path / "base" / "gallery" / folder / "seed3.json"


def test_is_finished(tmp_path):
    path = tmp_path / "a" / "seed0.json"
    assert not is_finished(path, "x")
    write_cell(path, {"key": "x"}, NOTHING)
    assert is_finished(path, "x")
    assert not is_finished(path, "y")
    path.write_text('{"key": "x"')
    assert not is_finished(path, "x")


def test_a_cell_without_predictions_is_not_finished(tmp_path):
    path = tmp_path / "seed0.json"
    write_json(path, {"key": "x"})
    assert not is_finished(path, "x")


def test_a_run_killed_between_the_two_files(tmp_path, monkeypatch):
    path = tmp_path / "seed0.json"
    write_cell(path, {"key": "old"}, NOTHING)

    def stop(path, value):
        raise KeyboardInterrupt

    monkeypatch.setattr(cells, "write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        write_cell(path, {"key": "new"}, NOTHING)
    assert not is_finished(path, "new")


def test_a_folder_is_no_target(tmp_path):
    (tmp_path / "here").mkdir()
    for path in (tmp_path / "here", Path("/"), Path(".")):
        with pytest.raises(ValueError, match=r"N534.*it is a folder"):
            write_json(path, {})
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"N534.*file' is a file, not a folder"):
        write_json(tmp_path / "file" / "a" / "b.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "here"]


def test_what_can_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fail(one, other):
        raise OSError("no space")

    monkeypatch.setattr(cells.os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_json(tmp_path / "a.json", {})
    assert not list(tmp_path.iterdir())


def test_k_order():
    ks = ["kw8", "16", "2", "kw16", "1", "kw2"]
    assert sorted(ks, key=k_order) == ["1", "2", "16", "kw2", "kw8", "kw16"]
    assert k_order(16) == k_order("16")


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
