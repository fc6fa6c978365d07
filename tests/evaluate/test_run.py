"""The whole grid on the tiny encoder: cells, what is skipped, what goes on."""

import json
import shutil
from pathlib import Path

import pytest
import srsly

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.frozen import read_config
from spacy_nuner.evaluate.pairs import read_pair
from spacy_nuner.evaluate.plan import Grid, pick_systems
from spacy_nuner.evaluate.run import run_grid
from spacy_nuner.evaluate.samplers.make import Request, make_sets
from spacy_nuner.evaluate.scoring import score_pair
from spacy_nuner.evaluate.tally import IS_MACRO

from .conftest import write_asked

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "tiny" / "fewshot_frozen.cfg"
FIELDS = {
    *("key", "experiment", "system", "dataset", "k", "seed"),
    *("token_macro_f1", "token_macro_f1_with_none"),
    *("entity_micro_f1", "entity_micro_p", "entity_micro_r", "per_type"),
    *("n_train_sentences", "n_train_entities", "n_test_sentences"),
    *("text_set_f1", "text_set_p", "text_set_r", "mistakes"),
    *("sampler", "settings", "seconds"),
}
PER_TYPE = {
    *("token_p", "token_r", "token_f1"),
    *("entity_p", "entity_r", "entity_f1", "n_gold"),
}


@pytest.fixture(scope="module")
def grid(datasets_dir, encoder_folder, tiny_encoder, tmp_path_factory):
    """All systems, k = 1 and one that the pool does not allow, two sets."""
    root = tmp_path_factory.mktemp("grid")
    dataset = load_dataset(datasets_dir / "gallery")
    write_asked(dataset.test.docs[5:45], root / "gold" / "gallery.gold.jsonl")
    return Grid(
        config=read_config(CONFIG, {"training.max_steps": 20}),
        encoders={"base": tiny_encoder, "nuner": encoder_folder},
        datasets=[datasets_dir / "gallery"],
        labels_dir=ROOT / "assets" / "labels",
        output=root / "metrics" / "fewshot",
        ks=[1, 500],
        n_sets=2,
        systems=pick_systems([]),
        gold_dirs=[root / "nowhere", root / "gold"],
        n_process=1,
    )


@pytest.fixture(scope="module")
def result(grid):
    return run_grid(grid)


def read_cells(grid):
    paths = sorted(grid.output.glob("*/*/*/seed*.json"))
    return {str(path.relative_to(grid.output)): srsly.read_json(path) for path in paths}


def test_cells_have_the_fields_of_the_contract(grid, result):
    cells = read_cells(grid)
    assert set(cells) == {
        f"{system.name}/gallery/k1/seed{seed}.json"
        for system in grid.systems
        for seed in range(2)
        if not system.zero_shot
    } | {
        "nuner_zero_shot/gallery/k0/seed0.json",
        "nuner_zero_shot_uncalibrated/gallery/k0/seed0.json",
    }
    assert result.n_computed == len(cells) == 10
    assert result.n_skipped == 0
    for name, cell in cells.items():
        assert set(cell) >= FIELDS
        assert name.startswith(f"{cell['system']}/{cell['dataset']}/k{cell['k']}/")
        assert cell["experiment"] == "fewshot"
        assert cell["n_test_sentences"] == 80
        assert len(cell["train_indices"]) == cell["n_train_sentences"]
        if cell["k"]:
            assert cell["sampler"] in ("exact", "exact_restart")
            assert cell["n_train_entities"] >= 6
        else:
            assert cell["train_indices"] == []
        assert len(cell["per_type"]) == 6
        for figures in cell["per_type"].values():
            assert set(figures) == PER_TYPE
        assert set(cell["subset_ner_v3"]) == {"token_macro_f1", "entity_micro_f1"}
        for field in ("token_macro_f1", "entity_micro_f1"):
            assert 0 <= cell[field] <= 1
            assert cell["subset_ner_v3"][field] != cell[field] or cell[field] == 0


def test_predictions_give_the_figures_again(grid, result):
    for path in grid.output.glob("*/*/*/seed*.json"):
        # Not by srsly, which reads floats but for the last bits
        cell = json.loads(path.read_text())
        pair = read_pair(grid.datasets[0], path.with_suffix(".npz"))
        again = score_pair(pair, n_resamples=100)
        fields = ("token_macro_f1_with_none", "entity_micro_p", "mistakes", *IS_MACRO)
        assert {f: again[f] for f in fields} == {f: cell[f] for f in fields}
        for label, figures in cell["per_type"].items():
            assert figures.items() <= again["per_type"][label].items()


def test_all_systems_learn_from_the_same_sentences(grid, result):
    by_seed = {}
    for cell in read_cells(grid).values():
        if not cell["k"]:
            continue
        by_seed.setdefault(cell["seed"], []).append(cell["train_indices"])
    for sets in by_seed.values():
        assert all(indices == sets[0] for indices in sets)
    assert by_seed[0][0] != by_seed[1][0]


def test_systems_differ_in_what_they_should(grid, result):
    cells = read_cells(grid)

    def get(system, k=1):
        return cells[f"{system}/gallery/k{k}/seed0.json"]

    assert get("base")["per_type"] != get("nuner")["per_type"]
    zero_shot = get("nuner_zero_shot", k=0), get("nuner_zero_shot_uncalibrated", k=0)
    assert zero_shot[0]["per_type"] != zero_shot[1]["per_type"]
    assert get("nuner_concept_start")["per_type"] != get("nuner")["per_type"]
    settings = get("base_best_layer")["settings"]
    assert settings["chosen_layer"] in (1, 2)
    assert set(settings["layer_figures"]) <= {"1", "2"}
    assert "label_names" in get("nuner_concept_start")["settings"]


def test_what_the_pool_does_not_allow_is_said(grid, result):
    found = srsly.read_json(grid.output / "unreachable.json")
    assert found == result.unreachable
    assert [(entry["dataset"], entry["k"]) for entry in found] == [("gallery", 500)]


def test_vectors_are_deleted_with_the_data_set(grid, result):
    assert not (grid.output.parent / ".features" / "gallery").exists()


def test_finished_cells_are_skipped_and_lost_ones_made_again(grid, result):
    before = read_cells(grid)
    stamps = {path: path.stat().st_mtime_ns for path in grid.output.rglob("seed*.json")}
    again = run_grid(grid)
    assert (again.n_computed, again.n_skipped) == (0, 10)
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}
    lost = grid.output / "nuner" / "gallery" / "k1" / "seed1.json"
    torn = grid.output / "base" / "gallery" / "k1" / "seed0.json"
    lost.unlink()
    torn.write_text(json.dumps(before["base/gallery/k1/seed0.json"])[:100])
    third = run_grid(grid)
    assert (third.n_computed, third.n_skipped) == (2, 8)
    after = read_cells(grid)
    for cell in (*before.values(), *after.values()):
        cell.pop("seconds")
    assert after == before


def test_other_settings_make_the_cells_again(grid, result, tmp_path):
    one = grid._replace(systems=pick_systems(["nuner"]), output=tmp_path / "fewshot")
    one = one._replace(ks=[1], n_sets=1, keep_features=True)
    assert run_grid(one).n_computed == 1
    assert list((tmp_path / ".features" / "gallery").glob("*.npy"))
    assert run_grid(one).n_computed == 0
    config = read_config(CONFIG, {"training.max_steps": 21})
    assert run_grid(one._replace(config=config)).n_computed == 1


def test_a_stopped_run_keeps_what_it_had(grid, tmp_path, monkeypatch):
    one = grid._replace(systems=pick_systems(["base"]), output=tmp_path / "fewshot")
    one = one._replace(ks=[1, 2], n_sets=3)
    from spacy_nuner.evaluate import heads

    run_task, done = heads.run_task, []

    def stop_after_two(pipe, task):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(task)
        return run_task(pipe, task)

    monkeypatch.setattr(heads, "run_task", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        run_grid(one)
    monkeypatch.undo()
    assert len(read_cells(one)) == 2
    result = run_grid(one)
    assert (result.n_computed, result.n_skipped) == (4, 2)


def test_data_that_are_not_to_be_trained_on(grid, datasets_dir, tmp_path):
    folder = tmp_path / "ner" / "gallery"
    shutil.copytree(datasets_dir / "gallery", folder)
    meta = srsly.read_json(folder / "meta.json") | {"zero_shot_only": True}
    srsly.write_json(folder / "meta.json", meta)
    only = grid._replace(datasets=[folder], output=tmp_path / "fewshot")
    assert run_grid(only).n_computed == 2
    assert {cell["k"] for cell in read_cells(only).values()} == {0}


def test_saved_sets_are_trained_on(grid, datasets_dir, tmp_path):
    folder = tmp_path / "ner" / "gallery"
    shutil.copytree(datasets_dir / "gallery", folder)
    dataset = load_dataset(folder)
    for sampler in ("k2k", "words"):
        make_sets(dataset, folder, Request(sampler, [1], 2))
    one = grid._replace(datasets=[folder], systems=pick_systems(["base"]), ks=[1, 2])
    cells = {}
    for sampler, k in (("k2k", 1), ("words", "kw1"), ("", 1)):
        given = one._replace(output=tmp_path / f"from_{sampler}", sets_from=sampler)
        given = given._replace(ks=[1, 2] if sampler else [1])
        found = run_grid(given)
        assert [e["k"] for e in found.unreachable] == (
            {"k2k": [2], "words": ["kw2"], "": []}[sampler]
        )
        assert run_grid(given).n_skipped == 2
        place = "kw1" if sampler == "words" else "k1"
        cells[sampler] = read_cells(given)[f"base/gallery/{place}/seed0.json"]
        assert cells[sampler]["k"] == k
    # The same sets are the same figures; the key says that they came from a file
    assert cells["k2k"]["train_indices"] == cells[""]["train_indices"]
    assert cells["k2k"]["per_type"] == cells[""]["per_type"]
    assert cells["k2k"]["key"] != cells[""]["key"]
    assert cells["words"]["sampler"] in ("words", "words_over_cap")


def test_an_encoder_that_is_not_there(grid, tmp_path):
    encoders = grid.encoders | {"nuner": tmp_path / "none"}
    with pytest.raises(FileNotFoundError, match=r"N001.*encoder.*none"):
        run_grid(grid._replace(encoders=encoders, output=tmp_path / "fewshot"))
