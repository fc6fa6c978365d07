"""What is to be done: names, folders, training sets, keys."""

from pathlib import Path

import numpy as np
import pytest
import srsly
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import load_dataset, make_gold
from spacy_nuner.evaluate.frozen import read_config, read_names, read_recipe
from spacy_nuner.evaluate.layers import best_layer, pool_subset
from spacy_nuner.evaluate.plan import (
    cell_key,
    describe,
    draw_sets,
    find_base,
    find_datasets,
    pick_systems,
    read_ks,
)
from spacy_nuner.evaluate.sampling import check_sample

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "tiny" / "fewshot_frozen.cfg"


@pytest.fixture(scope="module")
def dataset(datasets_dir):
    return load_dataset(datasets_dir / "gallery")


def test_pick_systems():
    assert [s.name for s in pick_systems([])] == [
        "base",
        "base_best_layer",
        "nuner",
        "nuner_concept_start",
        "nuner_zero_shot",
        "nuner_zero_shot_uncalibrated",
    ]
    assert [s.name for s in pick_systems(["nuner", "base"])] == ["nuner", "base"]
    with_tagger = pick_systems([], encoders={"base", "nuner", "ner_bert"})
    assert [s.name for s in with_tagger][2] == "ner_bert"
    with pytest.raises(ValueError, match="N509"):
        pick_systems(["ner_bert"])
    with pytest.raises(ValueError, match=r"N509.*bert.*base_best_layer"):
        pick_systems(["bert"])


@pytest.mark.parametrize(
    ("text", "expected"), [("1,2,4", [1, 2, 4]), (" 8, 1 ", [1, 8]), ("4,4", [4])]
)
def test_read_ks(text, expected):
    assert read_ks(text) == expected


@pytest.mark.parametrize("text", ["", "1,,2", "0", "one", "-1", "1.5"])
def test_read_ks_refuses(text):
    with pytest.raises(ValueError, match=r"N512"):
        read_ks(text)


def test_find_datasets(datasets_dir, tmp_path):
    assert find_datasets(datasets_dir) == [datasets_dir / "gallery"]
    with pytest.raises(ValueError, match=r"N510.*named workshop.*gallery"):
        find_datasets(datasets_dir, ["workshop"])
    with pytest.raises(ValueError, match=r"N510.*Found: nothing"):
        find_datasets(tmp_path)


def test_find_base(encoder_folder, tiny_encoder, tmp_path, monkeypatch):
    assert find_base(encoder_folder) == tiny_encoder
    with pytest.raises(ValueError, match=r"N511.*nuner\.json.*--base"):
        find_base(tmp_path)
    srsly.write_json(tmp_path / "nuner.json", {"base": "some-hub/some-name"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"N511.*some-hub/some-name"):
        find_base(tmp_path)
    folder = Path("assets/encoders/some-name")
    folder.mkdir(parents=True)
    srsly.write_json(folder / "config.json", {})
    assert find_base(tmp_path) == folder


def test_draw_sets(dataset):
    plan = draw_sets(dataset, [1, 2, 500], 3)
    assert set(plan.draws) == {(k, seed) for k in (1, 2) for seed in range(3)}
    for (k, _), draw in plan.draws.items():
        check_sample(dataset.counts, draw.indices, k, labels=dataset.labels)
    assert draw_sets(dataset, [2], 3).draws[2, 1] == plan.draws[2, 1]
    (entry,) = plan.unreachable
    assert entry["dataset"] == "gallery"
    assert entry["k"] == 500
    assert set(entry["types"]) == set(dataset.labels)
    assert all(n < 500 for n in entry["types"].values())


def test_no_sets_where_nothing_is_to_be_trained(dataset):
    plan = draw_sets(dataset._replace(zero_shot_only=True), [1, 500], 3)
    assert plan == ({}, [])


def test_seeds_without_a_set_are_named(dataset):
    # Taking B or C takes A twice, and both together take A four times: more than 2k
    docs = []
    for other in ("B", "C"):
        doc = Doc(Vocab(), words=["a", "and", "a", "or", other])
        doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 2, 3, "A"), Span(doc, 4, 5, other)]
        docs.append(doc)
    labels = ["A", "B", "C"]
    pool = make_gold(docs, labels, source="here")
    plan = draw_sets(dataset._replace(labels=labels, pool=pool), [1], 2)
    assert not plan.draws
    (entry,) = plan.unreachable
    assert "seeds [0, 1]" in entry["reason"]
    assert entry["types"] == {}


def test_read_names(dataset, tmp_path):
    names = read_names(ROOT / "assets" / "labels" / "gallery.yml", dataset.labels)
    assert list(names) == dataset.labels
    assert all(len(phrases) == 2 for phrases in names.values())
    with pytest.raises(ValueError, match=r"N001.*label names"):
        read_names(tmp_path / "no.yml", dataset.labels)
    srsly.write_yaml(tmp_path / "a.yml", {"ARTIST": {"definition": "x"}, "B": 3})
    with pytest.raises(ValueError, match=r"N407.*B"):
        read_names(tmp_path / "a.yml", ["ARTIST", "B"])


def test_the_key_sees_all_that_decides_a_cell(dataset):
    config = read_config(CONFIG, {})
    recipe = read_recipe(config)
    names = {label: [label.lower()] for label in dataset.labels}
    base, best, nuner, concept, zero_shot, uncalibrated = pick_systems([])

    def key(system, *, config=config, names=names, recipe=recipe, **changes):
        given = {
            "dataset": dataset,
            "encoder_sha256": "x",
            "k": 1,
            "seed": 0,
            "subset_sha256": None,
        }
        return cell_key(describe(system, config, recipe, names), **given | changes)

    other = {label: [label.upper()] for label in dataset.labels}
    pull = read_config(CONFIG, {"components.nuner.pull": 9.0})
    keys = [
        key(base),
        key(best),
        key(nuner),
        key(concept),
        key(zero_shot),
        key(uncalibrated),
        key(concept, names=other),
        key(base, encoder_sha256="y"),
        key(base, k=2),
        key(base, seed=1),
        key(base, subset_sha256="z"),
        key(base, dataset=dataset._replace(sha256="other")),
        key(base, config=pull),
        key(base, recipe=recipe._replace(n_steps=7)),
    ]
    assert len(set(keys)) == len(keys)
    assert key(nuner) == key(nuner, names=other)
    moved = read_config(CONFIG, {"paths.encoder": "elsewhere"})
    assert key(base, config=moved) == key(base)


def test_pool_subset_and_best_layer(dataset):
    subset = pool_subset(dataset)
    assert len(subset.docs) == 80
    np.testing.assert_array_equal(subset.types, dataset.pool.types)
    many = dataset.pool._replace(docs=dataset.pool.docs * 6)
    assert len(pool_subset(dataset._replace(pool=many)).docs) == 400
    assert best_layer({1: 0.3, 2: 0.5, 3: 0.5}, 6) == 3
    assert best_layer({}, 6) == 6
