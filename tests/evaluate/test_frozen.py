"""A cell equals `spacy train` + `spacy evaluate` with the same config and sentences."""

from pathlib import Path

import pytest
import srsly
from spacy.cli.evaluate import evaluate
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.util import registry

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.frozen import (
    head_code_sha256,
    read_config,
)
from spacy_nuner.evaluate.plan import Grid, draw_sets, pick_systems
from spacy_nuner.evaluate.run import run_grid

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "tiny" / "fewshot_frozen.cfg"
# Enough that the tiny encoder finds something
STEPS = {
    "training.max_steps": 100,
    "training.eval_frequency": 100,
    "training.optimizer.learn_rate": 0.05,
    "components.nuner.none_bias": 1.0,
    "components.nuner.pull": 0.0001,
}
LABELS = ROOT / "assets" / "labels"


def train_and_evaluate(folder, encoder, dataset, indices, *, start):
    """What a user does: files, `spacy train`, `spacy evaluate`."""
    docs = [dataset.pool.docs[i] for i in indices]
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    DocBin(docs=dataset.test.docs).to_disk(folder / "test.spacy")
    overrides = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "test.spacy"),
        "paths.encoder": str(encoder),
        "paths.label_names": str(LABELS / "gallery.yml"),
        "paths.labels": str(folder / "labels.json"),
        "initialize.components.nuner.start": start,
    }
    srsly.write_json(folder / "labels.json", dataset.labels)
    train(CONFIG, folder / "out", overrides=STEPS | overrides)
    scores = evaluate(
        str(folder / "out" / "model-last"), folder / "test.spacy", silent=True
    )
    return scores


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "start"), [("nuner", "random"), ("nuner_concept_start", "concept")]
)
def test_cell_equals_spacy_train_and_evaluate(
    tmp_path, encoder_folder, datasets_dir, system, start
):
    dataset = load_dataset(datasets_dir / "gallery")
    grid = Grid(
        config=read_config(CONFIG, STEPS),
        encoders={"nuner": encoder_folder},
        datasets=[datasets_dir / "gallery"],
        labels_dir=LABELS,
        output=tmp_path / "metrics" / "fewshot",
        ks=[4],
        n_sets=1,
        systems=pick_systems([system]),
        n_process=1,
    )
    result = run_grid(grid)
    assert result.n_computed == 1
    cell = srsly.read_json(grid.output / system / "gallery" / "k4" / "seed0.json")
    indices = draw_sets(dataset, [4], 1).draws[4, 0].indices
    assert cell["train_indices"] == indices
    scores = train_and_evaluate(tmp_path, encoder_folder, dataset, indices, start=start)
    assert 0 < cell["token_macro_f1"] < 1
    assert cell["token_macro_f1"] == pytest.approx(
        scores["nuner_token_macro_f"], abs=1e-6
    )
    for ours, theirs in (("f1", "f"), ("p", "p"), ("r", "r")):
        assert cell[f"entity_micro_{ours}"] == pytest.approx(
            scores[f"ents_{theirs}"], abs=1e-6
        )
    for label, figures in scores["ents_per_type"].items():
        assert cell["per_type"][label]["entity_f1"] == pytest.approx(
            figures["f"], abs=1e-6
        )


def test_the_code_of_the_head_is_part_of_the_key(tmp_path, monkeypatch):
    config = read_config(CONFIG, {})
    before = head_code_sha256(config)
    assert before == head_code_sha256(config)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "other_head.py").write_text("def build():\n    pass\n")
    monkeypatch.syspath_prepend(folder)
    import other_head

    registry.architectures.register("test.OtherHead.v1", func=other_head.build)
    name = {"components.nuner.model.@architectures": "test.OtherHead.v1"}
    assert head_code_sha256(read_config(CONFIG, name)) != before
