"""Cells for which a whole pipeline is trained, on the tiny encoder."""

import json
from pathlib import Path

import numpy
import pytest

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.frozen import read_config
from spacy_nuner.evaluate.pairs import read_pair
from spacy_nuner.evaluate.plan import Grid, pick_systems
from spacy_nuner.evaluate.run import run_grid
from spacy_nuner.evaluate.scoring import score_pair
from spacy_nuner.evaluate.tuned import find_tunable, fit_config, trains_encoder

from .conftest import write_asked

ROOT = Path(__file__).parents[2]
FROZEN, TUNED = (
    ROOT / "configs" / "tiny" / f"fewshot_{name}.cfg" for name in ("frozen", "finetune")
)
# The encoder learns something in so few steps
QUICK = {
    "training.max_epochs": 0,
    "training.max_steps": 60,
    "training.optimizer.learn_rate.initial_rate": 0.01,
    "components.nuner.model.hidden_width": 16,
}


@pytest.fixture(scope="module")
def grid(datasets_dir, encoder_folder, tiny_encoder, tmp_path_factory):
    dataset = load_dataset(datasets_dir / "gallery")
    root = tmp_path_factory.mktemp("tuned")
    write_asked(dataset.test.docs[5:45], root / "gallery.gold.jsonl")
    return Grid(
        config=read_config(TUNED, QUICK),
        encoders={"base": tiny_encoder, "nuner": encoder_folder},
        datasets=[datasets_dir / "gallery"],
        labels_dir=ROOT / "assets" / "labels",
        output=root / "metrics" / "finetune",
        ks=[2],
        n_sets=1,
        systems=find_tunable(pick_systems([])),
        gold_dirs=[root],
    )


@pytest.fixture(scope="module")
def cells(grid):
    result = run_grid(grid)
    paths = sorted(grid.output.glob("*/*/*/seed*.json"))
    assert result.n_computed == len(paths) == 3
    return {path.parts[-4]: json.loads(path.read_text()) for path in paths}


def test_rows(grid, cells):
    assert list(cells) == ["base", "nuner", "nuner_concept_start"]
    for name, cell in cells.items():
        assert (cell["system"], cell["experiment"]) == (name, "finetune")
        assert cell["n_test_sentences"] == 80
        assert cell["train_indices"] == cells["base"]["train_indices"]
        assert cell["settings"]["training"]["max_steps"] == 60
        assert set(cell["subset_ner_v3"]) == {"token_macro_f1", "entity_micro_f1"}
    # What is trained learns; from the same encoder two starts lead to two heads
    assert cells["nuner"]["token_macro_f1_with_none"] > 0.1
    starts = ("nuner", "nuner_concept_start")
    assert cells[starts[0]]["per_type"] != cells[starts[1]]["per_type"]


def test_predictions_give_the_figures_again(grid, cells):
    for name, cell in cells.items():
        path = grid.output / name / "gallery" / "k2" / "seed0.npz"
        pair = read_pair(grid.datasets[0], path)
        again = score_pair(pair, n_resamples=100)
        fields = ("token_macro_f1", "entity_micro_f1", "text_set_f1", "mistakes")
        assert {f: again[f] for f in fields} == {f: cell[f] for f in fields}


def test_finished_cells_are_skipped(grid, cells):
    again = run_grid(grid)
    assert (again.n_computed, again.n_skipped) == (0, 3)
    other = read_config(TUNED, QUICK | {"training.dropout": 0.2})
    one = grid._replace(config=other, systems=pick_systems(["nuner"]))
    assert run_grid(one).n_computed == 1


def test_the_encoder_is_trained(grid, encoder_folder, cells):
    """The head alone, as long and from the same start, gives other entities."""
    frozen = read_config(TUNED, QUICK | {"training.frozen_components": []})
    assert trains_encoder(frozen)
    still = QUICK | {"components.transformer.model.learn_rate_scale": 0.0}
    one = grid._replace(
        config=read_config(TUNED, still),
        systems=pick_systems(["nuner"]),
        output=grid.output.with_name("still"),
    )
    run_grid(one)
    paths = [
        folder / "nuner" / "gallery" / "k2" / "seed0.npz"
        for folder in (grid.output, one.output)
    ]
    moved, fixed = (numpy.load(path) for path in paths)
    assert any(
        moved[name].shape != fixed[name].shape or (moved[name] != fixed[name]).any()
        for name in ("gaps", "lengths", "types")
    )


def test_config_fits_the_system(encoder_folder):
    config = read_config(TUNED, {})
    base, nuner = pick_systems(["base", "nuner_concept_start"])
    plain = fit_config(config, base, encoder_folder, has_labels=True).interpolate()
    named = fit_config(config, nuner, encoder_folder, has_labels=True).interpolate()
    for fitted in (plain, named):
        model = fitted["components"]["transformer"]["model"]
        assert model["name"] == str(encoder_folder.resolve())
    assert plain["components"]["transformer"]["model"]["layers"] == [-1]
    assert named["components"]["transformer"]["model"]["layers"] is None
    begins = [c["initialize"]["components"]["nuner"] for c in (plain, named)]
    assert [begin["start"] for begin in begins] == ["random", "concept"]
    assert config["components"]["transformer"]["model"]["name"] == "${paths.encoder}"


def test_rows_of_frozen_encoders_alone(grid):
    with pytest.raises(ValueError, match=r"N526.*base_best_layer.*Allowed: base, ner"):
        run_grid(grid._replace(systems=pick_systems([])))


def test_which_configs_train_the_encoder():
    assert trains_encoder(read_config(TUNED, {}))
    assert not trains_encoder(read_config(FROZEN, {}))
