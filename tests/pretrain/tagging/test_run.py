"""Whole runs: stop, go on, export."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from thinc.api import Config
from transformers import AutoModel

from spacy_nuner.pretrain.checkpoint import FILE_NAME, read_header
from spacy_nuner.pretrain.tagging.checkpoint import (
    load_encoder_weights,
    read_tag_header,
)
from spacy_nuner.pretrain.tagging.export import export_tagger, is_exported
from spacy_nuner.pretrain.tagging.run import TagOutcome, pretrain_tagger
from spacy_nuner.pretrain.tagging.settings import load_tagging_settings

from ..runs import read_log, stop_after
from .conftest import CONFIG

# 24 sentences, 2 set aside; batches of 6: 4 steps an epoch, 2 epochs
TOTAL = 8


@pytest.fixture(scope="module")
def straight(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, ner_folder: Path
) -> Path:
    output = tmp_path_factory.mktemp("straight")
    paths = {"paths.encoder": str(tiny_encoder), "paths.corpus": str(ner_folder)}
    config = load_tagging_settings(CONFIG, {**paths, "system.n_threads": 1})
    assert pretrain_tagger(config, output) == TagOutcome("finished", TOTAL, TOTAL)
    return output


@pytest.mark.parametrize("n_steps", [1, 4, 6])
def test_goes_on_as_if_never_stopped(
    config: Config, straight: Path, tmp_path: Path, n_steps: int
) -> None:
    done = pretrain_tagger(config, tmp_path, should_stop=stop_after(n_steps))
    assert done == TagOutcome("stopped", n_steps, TOTAL)
    assert pretrain_tagger(config, tmp_path) == TagOutcome("finished", TOTAL, TOTAL)
    for name in ("last", "best"):
        ours, theirs = (load_file(p / name / FILE_NAME) for p in (tmp_path, straight))
        assert ours.keys() == theirs.keys()
        for key, tensor in ours.items():
            assert torch.equal(tensor, theirs[key]), key
    assert read_log(tmp_path) == read_log(straight)


@pytest.mark.parametrize("length,code", [(2, "N395"), (129, "N396")])
def test_length_fits_the_encoder(
    overrides: dict[str, Any], tmp_path: Path, length: int, code: str
) -> None:
    more = {"pretrain.max_length": length}
    with pytest.raises(ValueError, match=rf"{code}.*pretrain.max_length is {length}"):
        pretrain_tagger(load_tagging_settings(CONFIG, overrides | more), tmp_path)


def test_nothing_to_do(config: Config, straight: Path) -> None:
    assert pretrain_tagger(config, straight).status == "nothing to do"


def test_learns(overrides: dict[str, Any], tmp_path: Path) -> None:
    more = {"pretrain.max_epochs": 60, "pretrain.best_by": "dev_loss"}
    pretrain_tagger(load_tagging_settings(CONFIG, overrides | more), tmp_path)
    first, *_, last = (r["dev_loss"] for r in read_log(tmp_path) if "dev_loss" in r)
    assert last < first / 2


def test_frozen_layers_stay(straight: Path, tiny_encoder: Path) -> None:
    before = load_file(tiny_encoder / "model.safetensors")
    after = load_encoder_weights(straight / "best")
    assert before.keys() == after.keys()
    for name, tensor in after.items():
        is_frozen = name.startswith(("embeddings.", "encoder.layer.0."))
        assert torch.equal(tensor, before[name]) == is_frozen, name


def test_damaged_checkpoint(
    config: Config, straight: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pretrain_tagger(config, tmp_path, should_stop=stop_after(6))
    file = tmp_path / "last" / FILE_NAME
    file.write_bytes(file.read_bytes()[:-10])
    assert pretrain_tagger(config, tmp_path).status == "finished"
    assert "[W330]" in caplog.text
    ours, theirs = (load_encoder_weights(p / "best") for p in (tmp_path, straight))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_other_settings_are_refused(overrides: dict[str, Any], straight: Path) -> None:
    config = load_tagging_settings(CONFIG, overrides | {"pretrain.batch_size": 5})
    with pytest.raises(ValueError, match=r"\[N310\].*pretrain\.batch_size: 6 in"):
        pretrain_tagger(config, straight)
    read_tag_header(straight / "last")
    pretrain_tagger(config, straight.parent / "other", restart=True)


def test_a_restart_that_can_not_start_deletes_nothing(
    overrides: dict[str, Any], straight: Path
) -> None:
    rate = {"pretrain.optimizer.learn_rate.initial_rate": -0.1}
    config = load_tagging_settings(CONFIG, overrides | rate)
    with pytest.raises(ValueError, match=r"\[N382\].*from 0 up"):
        pretrain_tagger(config, straight, restart=True)
    assert read_tag_header(straight / "last").progress.finished
    assert (straight / "best").exists() and (straight / "log.jsonl").exists()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_dev_share(overrides: dict[str, Any], share: float) -> None:
    with pytest.raises(ValueError, match=r"\[N371\]"):
        load_tagging_settings(CONFIG, overrides | {"pretrain.dev_share": share})


def test_loss_that_is_not_finite(overrides: dict[str, Any], tmp_path: Path) -> None:
    rate = {"pretrain.optimizer.learn_rate.initial_rate": 1e30}
    config = load_tagging_settings(CONFIG, overrides | rate)
    with pytest.raises(ValueError, match=r"\[N372\].*step \d"):
        pretrain_tagger(config, tmp_path)


def test_export(straight: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ner_bert"
    assert not is_exported(straight / "best", folder)
    done = export_tagger(straight / "best", folder)
    assert done.max_difference <= 1e-5
    assert is_exported(straight / "best", folder)
    record = json.loads((folder / "nuner.json").read_text())
    assert record["objective"] == "token classification"
    assert record["base"] == tiny_encoder.name
    assert record["n_frozen_layers"] == 1
    assert record["labels"] == ["PER", "LOC"]
    card = (folder / "README.md").read_text()
    assert "lowest 1 of 2 layers are frozen" in card
    assert "PER, LOC" in card
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    expected = load_encoder_weights(straight / "best")
    state = model.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_export_refuses_another_base(
    straight: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "base"
    other.mkdir()
    for file in tiny_encoder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"added": 1}))
    with pytest.raises(ValueError, match=r"\[N311\].*--base"):
        export_tagger(straight / "best", tmp_path / "out", base=str(other))


def test_contrastive_export_says_what_it_is(straight: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N309\].*format tagging-1"):
        read_header(straight / "best")
