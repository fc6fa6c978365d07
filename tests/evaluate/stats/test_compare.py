"""Comparisons of cells on disk: what is found, and what is refused."""

import json
import shutil

import numpy as np
import pytest
import srsly

from spacy_nuner.evaluate.cells import cell_path, write_cell
from spacy_nuner.evaluate.data import load_part, make_gold
from spacy_nuner.evaluate.metrics import score
from spacy_nuner.evaluate.predictions import (
    Predictions,
    fill_types,
    hash_gold,
    predictions_path,
)
from spacy_nuner.evaluate.stats.compare import Settings, compare_systems

SETTINGS = Settings(["good", "bad", "same"], n_resamples=300)
SHARES = {"good": 0.1, "bad": 0.5, "same": 0.1}


def spoil(gold, n_types, share, rng):
    """The gold with a share of the types wrong, and as many entities missing."""
    rows = gold.spans.copy()
    draws = rng.random(len(rows))
    rows[draws < share, 2] = rng.integers(1, n_types + 1, int((draws < share).sum()))
    return rows[draws < 1 - share / 2]


def write(output, folder, system, *, k, seed, share, rows=None):
    gold, labels = load_part(folder, "test")
    if rows is not None:
        gold = make_gold([gold.docs[i] for i in rows], labels, source="here")
    # "same" draws as "good" does
    rng = np.random.default_rng([seed, int(system == "bad")])
    spans = spoil(gold, len(labels), share, rng)
    path = cell_path(output, system=system, dataset=folder.name, k=k, seed=seed)
    key = f"{system}{k}{seed}"
    cell = {"key": key, "k": k, "train_indices": [seed]}
    types = fill_types(spans, len(gold.types))
    cell |= score(gold.types, gold.spans, types, spans, labels)
    write_cell(path, cell, Predictions(spans, key, hash_gold(gold, labels), rows))
    return path


@pytest.fixture(scope="module")
def sets(datasets_dir, tmp_path_factory):
    """Two data sets, of the same sentences."""
    folder = tmp_path_factory.mktemp("sets")
    for name in ("gallery", "hall"):
        shutil.copytree(datasets_dir / "gallery", folder / name)
    return folder


@pytest.fixture(scope="module")
def cells(sets, tmp_path_factory):
    output = tmp_path_factory.mktemp("metrics") / "fewshot"
    for system, share in SHARES.items():
        for name in ("gallery", "hall"):
            for k in (1, 16):
                for seed in range(4):
                    write(output, sets / name, system, k=k, seed=seed, share=share)
    return output


@pytest.fixture(scope="module")
def result(cells, sets):
    return compare_systems(cells, sets, SETTINGS)


def pick(rows, **wanted):
    return [r for r in rows if all(r.get(n) == v for n, v in wanted.items())]


def test_figures_are_the_means_of_the_cells(result, cells):
    for row in pick(result["figures"], dataset="hall"):
        if row["metric"] == "text_set_f1":
            continue
        paths = (cells / row["system"] / "hall" / f"k{row['k']}").glob("*.json")
        values = [srsly.read_json(path)[row["metric"]] for path in paths]
        assert row["n_sets"] == len(values) == 4
        assert row["value"] == pytest.approx(np.mean(values), abs=1e-6)
        for low, high in (row["sentences"], row["sets"], row["both"]):
            assert low < row["value"] < high


def test_what_differs_is_told_from_what_does_not(result):
    rows = pick(result["differences"], metric="token_macro_f1", k="16")
    assert [(r["one"], r["other"]) for r in pick(rows, dataset="gallery")] == [
        ("good", "bad"),
        ("good", "same"),
        ("bad", "same"),
    ]
    for row in pick(rows, one="good", other="bad"):
        assert row["verdict"] == "differs"
        assert 0 < row["both"][0] < row["value"] < row["both"][1]
        if row["dataset"] != "mean":
            assert row["p_holm"] == pytest.approx(2 * row["p"])
            assert row["p_sentences"] < 0.05
            assert row["p_sets"] == 2 / 16  # the least that four sets can give
    for row in pick(rows, one="good", other="same"):
        assert row["verdict"] == "not shown to differ"
        assert (row["value"], row["p"]) == (0, 1)
        assert row["both"] == [0, 0]


def test_the_mean_over_data_sets(result):
    (mean,) = pick(
        result["differences"],
        **{"dataset": "mean", "k": "1", "metric": "entity_micro_f1"},
        **{"one": "good", "other": "bad"},
    )
    parts = pick(
        result["differences"],
        **{"k": "1", "metric": "entity_micro_f1", "one": "good", "other": "bad"},
    )
    values = [row["value"] for row in parts if row["dataset"] != "mean"]
    assert mean["value"] == pytest.approx(np.mean(values), abs=2e-6)
    assert mean["datasets"] == ["gallery", "hall"]
    assert mean["p_holm"] is None and mean["p"] < 0.05
    assert {*mean} - {*parts[0]} == {"datasets"}
    widths = [row["both"][1] - row["both"][0] for row in parts]
    assert widths[-1] < min(widths[:2])
    assert len(pick(result["figures"], dataset="mean")) == 3 * 2 * 3


def test_the_same_again_and_another_seed(result, cells, sets):
    again = compare_systems(cells, sets, SETTINGS)
    assert json.dumps(again) == json.dumps(result)
    other = compare_systems(cells, sets, SETTINGS._replace(seed=1))
    assert other["figures"] != result["figures"]
    assert [r["value"] for r in other["figures"]] == [
        r["value"] for r in result["figures"]
    ]


def test_only_common_sets_are_paired(cells, sets, tmp_path):
    shutil.copytree(cells, tmp_path / "fewshot")
    for path in (tmp_path / "fewshot/bad/hall/k1").glob("seed[23].*"):
        path.unlink()
    (tmp_path / "fewshot/bad/hall/k16/seed0.npz").unlink()
    for path in (tmp_path / "fewshot/bad/gallery/k1").glob("seed*"):
        path.unlink()
    settings = Settings(["good", "bad"], n_resamples=200)
    result = compare_systems(tmp_path / "fewshot", sets, settings)
    rows = pick(result["differences"], metric="token_macro_f1")
    found = {(r["dataset"], r["k"]): r["n_sets"] for r in rows}
    expected = {("hall", "1"): 2, ("hall", "16"): 3, ("gallery", "16"): 4}
    assert found == expected | {("mean", "16"): 3}
    assert result["left_out"] == ["bad: 1 cells without predictions"]
    # One test is no family: nothing is corrected
    (one,) = pick(rows, dataset="hall", k="1")
    assert one["p_holm"] == one["p"]


def test_one_set_has_no_test_over_sets_and_no_common_set_no_row(sets, tmp_path):
    output = tmp_path / "fewshot"
    write(output, sets / "hall", "good", k="kw8", seed=0, share=0.1)
    write(output, sets / "hall", "bad", k="kw8", seed=0, share=0.5)
    write(output, sets / "hall", "good", k=1, seed=0, share=0.1)
    write(output, sets / "hall", "bad", k=1, seed=1, share=0.5)
    result = compare_systems(output, sets, Settings(["good", "bad"], n_resamples=200))
    assert {row["k"] for row in result["differences"]} == {"kw8"}
    for row in result["differences"]:
        assert row["p_sets"] is None and row["sets"] is None
    assert len(pick(result["figures"], k="1")) == 6


def test_a_part_of_the_test_set(sets, tmp_path):
    output, rows = tmp_path / "ner_v3", list(range(5, 60))
    for system in ("good", "bad"):
        share = SHARES[system]
        write(output, sets / "hall", system, k="kw0", seed=0, share=share, rows=rows)
    result = compare_systems(output, sets, Settings(["good", "bad"], n_resamples=200))
    (row,) = pick(result["differences"], metric="entity_micro_f1")
    assert row["value"] > 0
    write(output, sets / "hall", "bad", k="kw0", seed=0, share=0.5)
    with pytest.raises(ValueError, match=r"N516.*other sentences than"):
        compare_systems(output, sets, Settings(["good", "bad"], n_resamples=200))


def test_what_cannot_be_compared(cells, sets, tmp_path):
    with pytest.raises(ValueError, match=r"N514.*good"):
        compare_systems(cells, sets, Settings(["good", "good"]))
    with pytest.raises(ValueError, match=r"N515.*bert.*cells: 0.*bad, good, same"):
        compare_systems(cells, sets, Settings(["good", "bert"]))
    shutil.copytree(cells, tmp_path / "fewshot")
    cell = tmp_path / "fewshot" / "bad" / "hall" / "k1" / "seed0.json"
    content = srsly.read_json(cell)
    srsly.write_json(cell, content | {"key": "other"})
    with pytest.raises(ValueError, match=r"N516.*seed0\.npz.*doesn't belong"):
        compare_systems(tmp_path / "fewshot", sets, SETTINGS)
    srsly.write_json(cell, content | {"train_indices": [7]})
    with pytest.raises(ValueError, match=r"N517.*good.*bad"):
        compare_systems(tmp_path / "fewshot", sets, SETTINGS)


def test_a_test_set_that_has_changed(cells, sets, tmp_path):
    shutil.copytree(sets, tmp_path / "ner")
    meta = srsly.read_json(tmp_path / "ner" / "hall" / "meta.json")
    meta["labels"] = [*meta["labels"], "NEW"]
    srsly.write_json(tmp_path / "ner" / "hall" / "meta.json", meta)
    with pytest.raises(ValueError, match=r"N516.*hall.*has changed"):
        compare_systems(cells, tmp_path / "ner", SETTINGS)
    assert predictions_path(cells / "good/hall/k1/seed0.json").is_file()
