"""Sets as files: the same on any machine, refused when they don't fit."""

import hashlib
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import srsly

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.plan import draw_sets
from spacy_nuner.evaluate.samplers.files import (
    hash_texts,
    name_k,
    read_set,
    read_sets,
    set_path,
)
from spacy_nuner.evaluate.samplers.make import Request, make_sets


@pytest.fixture
def folder(datasets_dir, tmp_path):
    path = tmp_path / "gallery"
    shutil.copytree(datasets_dir / "gallery", path)
    return path


@pytest.fixture(scope="module")
def dataset(datasets_dir):
    return load_dataset(datasets_dir / "gallery")


def test_paths(tmp_path):
    assert set_path(tmp_path, "k2k", 4, 1) == tmp_path / "sets/k2k/k4/seed1.json"
    assert set_path(tmp_path, "words", 8, 0) == tmp_path / "sets/words/kw8/seed0.json"
    assert name_k("nested", 8) == 8


@pytest.mark.parametrize("sampler", ["k2k", "nested", "words"])
def test_sets_are_written_once_and_read(dataset, folder, sampler):
    request = Request(sampler, [1, 2], 2)
    result = make_sets(dataset, folder, request)
    assert result == (4, 0, [])
    assert make_sets(dataset, folder, request) == (0, 4, [])
    plan = read_sets(dataset, folder, sampler, [1, 2], 2)
    names = ["kw1", "kw2"] if sampler == "words" else [1, 2]
    assert set(plan.draws) == {(k, seed) for k in names for seed in (0, 1)}
    assert not plan.unreachable
    for draw in plan.draws.values():
        assert len(draw.sha256) == 64
    content = srsly.read_json(set_path(folder, sampler, 2, 1))
    assert content["text_sha256"] == hash_texts(dataset, content["indices"])
    assert set(content["counts"]) == set(dataset.labels)
    assert min(content["counts"].values()) >= 2


def test_k2k_files_are_the_sets_of_the_grid(dataset, folder):
    make_sets(dataset, folder, Request("k2k", [1, 2], 2))
    saved = read_sets(dataset, folder, "k2k", [1, 2], 2)
    drawn = draw_sets(dataset, [1, 2], 2)
    assert {k: d.indices for k, d in saved.draws.items()} == {
        k: d.indices for k, d in drawn.draws.items()
    }


def test_what_is_impossible_is_said(dataset, folder):
    for sampler in ("k2k", "nested", "words"):
        result = make_sets(dataset, folder, Request(sampler, [1, 500], 2))
        (entry,) = result.impossible
        assert entry["k"] == 500
        assert set(entry["types"]) <= set(dataset.labels)
        assert entry["types"] and entry["reason"]
    episodes = make_sets(dataset, folder, Request("episodes", [1, 500], 1, n_way=3))
    assert [entry["k"] for entry in episodes.impossible] == [500]
    assert "N521" in episodes.impossible[0]["reason"]


def test_a_set_that_is_possible_but_not_found_is_said(dataset, folder):
    from spacy.tokens import Doc, Span
    from spacy.vocab import Vocab

    from spacy_nuner.evaluate.data import make_gold

    docs = []
    for other in ("B", "C"):
        doc = Doc(Vocab(), words=["a", "and", "a", "or", other])
        doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 2, 3, "A"), Span(doc, 4, 5, other)]
        docs.append(doc)
    labels = ["A", "B", "C"]
    odd = dataset._replace(labels=labels, pool=make_gold(docs, labels, source="here"))
    for sampler, around in (("k2k", "found"), ("nested", "around the smaller ones")):
        (entry,) = make_sets(odd, folder, Request(sampler, [1], 2)).impossible
        assert entry["types"] == {}
        assert "2 of 2 sets" in entry["reason"] and around in entry["reason"]


def test_episodes_have_support_and_query(dataset, folder):
    request = Request("episodes", [1], 3, n_way=3, q=1)
    assert make_sets(dataset, folder, request)[:2] == (3, 0)
    assert make_sets(dataset, folder, request)[:2] == (0, 3)
    content = read_set(set_path(folder, "3way", 1, 2), dataset)
    assert len(content["labels"]) == 3
    assert not set(content["indices"]) & set(content["query"])
    assert content["query_text_sha256"] == hash_texts(dataset, content["query"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": [0, 1]}, "hash that it names"),
        ({"sha256": "0"}, "hash that it names"),
        (None, "no whole JSON"),
    ],
)
def test_a_changed_file_is_refused(dataset, folder, change, message):
    make_sets(dataset, folder, Request("k2k", [1], 1))
    path = set_path(folder, "k2k", 1, 0)
    if change is None:
        path.write_text("{")
    else:
        srsly.write_json(path, srsly.read_json(path) | change)
    with pytest.raises(ValueError, match=f"N522.*seed0.*({message})"):
        read_sets(dataset, folder, "k2k", [1], 1)


@pytest.mark.parametrize("damage", ["", "{", "[1]", "\x00"])
def test_a_damaged_set_is_drawn_anew(dataset, folder, damage, caplog):
    request = Request("k2k", [1], 2)
    make_sets(dataset, folder, request)
    path = set_path(folder, "k2k", 1, 1)
    whole = path.read_bytes()
    path.write_text(damage)
    with pytest.raises(ValueError, match=r"N522.*seed1\.json"):
        read_sets(dataset, folder, "k2k", [1], 2)
    with caplog.at_level("WARNING", "spacy_nuner"):
        assert make_sets(dataset, folder, request)[:2] == (1, 1)
    assert "W530" in caplog.text and "seed1.json" in caplog.text
    assert path.read_bytes() == whole
    assert len(read_sets(dataset, folder, "k2k", [1], 2).draws) == 2


def test_a_set_of_other_data_is_refused(dataset, folder):
    make_sets(dataset, folder, Request("k2k", [1], 1))
    path = set_path(folder, "k2k", 1, 0)
    other = dataset._replace(sha256="other")
    with pytest.raises(ValueError, match=r"N522.*drawn from other data"):
        read_set(path, other)
    docs = dataset.pool.docs[::-1]
    turned = dataset._replace(pool=dataset.pool._replace(docs=docs))
    with pytest.raises(ValueError, match=r"N522.*other texts"):
        read_set(path, turned)


def test_missing_sets_are_said(dataset, folder):
    make_sets(dataset, folder, Request("words", [1], 1))
    plan = read_sets(dataset, folder, "words", [1, 2], 2)
    assert list(plan.draws) == [("kw1", 0)]
    assert [entry["k"] for entry in plan.unreachable] == ["kw1", "kw2"]
    assert "seeds [1]" in plan.unreachable[0]["reason"]
    none = dataset._replace(zero_shot_only=True)
    assert read_sets(none, folder, "words", [1], 1) == ({}, [])


def test_unknown_samplers(dataset, folder):
    with pytest.raises(ValueError, match=r"N523.*'best'.*nested"):
        make_sets(dataset, folder, Request("best", [1], 1))
    with pytest.raises(ValueError, match=r"N523.*'episodes'.*k2k"):
        read_sets(dataset, folder, "episodes", [1], 1)


PROGRAM = """
import sys
from pathlib import Path
from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.samplers.make import Request, make_sets
source, out = Path(sys.argv[1]), Path(sys.argv[2])
dataset = load_dataset(source)
for sampler in ("k2k", "nested", "words", "episodes"):
    make_sets(dataset, out, Request(sampler, [1, 2], 2, n_way=3))
"""


@pytest.mark.slow
def test_files_do_not_hang_on_the_hash_seed(datasets_dir, tmp_path):
    digests = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(datasets_dir / "gallery"), str(out)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
        )
        files = sorted(out.rglob("seed*.json"))
        assert len(files) == 16
        digests.append([hashlib.sha256(f.read_bytes()).hexdigest() for f in files])
    assert digests[0] == digests[1]
    assert np.unique(digests[0]).size > 8
