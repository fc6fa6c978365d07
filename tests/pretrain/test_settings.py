from pathlib import Path

import pytest
from thinc.api import ConfigValidationError

from spacy_nuner.pretrain.settings import (
    find_differences,
    flatten,
    get_decisive_settings,
    load_settings,
    set_steps,
)

from .conftest import CONFIG

CONFIGS = CONFIG.parents[1]


@pytest.mark.parametrize("profile", ["sample", "paper", "tiny"])
def test_configs_are_valid(profile: str) -> None:
    config = load_settings(CONFIGS / profile / "pretrain.cfg", {})
    assert config["pretrain"]["total_steps"] is None


def test_paper_profile_is_the_paper_word_for_word() -> None:
    config = load_settings(CONFIGS / "paper" / "pretrain.cfg", {})
    filled = set_steps(config, n_sentences=900_000)
    section, model = filled["pretrain"], filled["pretrain"]["model"]
    optimizer = section["optimizer"]
    # Section 3.3
    assert filled["paths"]["encoder"] == "roberta-base"
    assert section["max_epochs"] == 10
    assert optimizer["learn_rate"]["initial_rate"] == 0.00003
    assert section["batch_size"] == 48
    assert model["temperature"] == 5
    assert (optimizer["beta1"], optimizer["beta2"]) == (0.9, 0.999)
    assert optimizer["eps"] == 1e-6
    assert optimizer["weight_decay"] == 0.01
    assert section["total_steps"] == 187_500
    assert section["warmup_steps"] == 18_750
    assert model["n_frozen_layers"] == 6
    assert (model["bias"], model["learn_bias"]) == (0.0, False)


@pytest.mark.parametrize(
    "overrides,message",
    [
        ({"pretrain.batch_size": "many"}, "batch_size"),
        ({"pretrain.batch_size": 0}, "batch_size"),
        ({"pretrain.best_by": "dev_f1"}, "best_by"),
        ({"pretrain.checkpoint_minutes": -1.0}, "checkpoint_minutes"),
        ({"pretrain.logger": "wandb"}, "logger"),
        ({"pretrain.model.pooling": "max"}, "pooling"),
        ({"pretrain.model.bias": "zero"}, "bias"),
        ({"pretrain.optimizer.learn_rate.initial_rate": "fast"}, "initial_rate"),
    ],
)
def test_wrong_values(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigValidationError, match=message):
        load_settings(CONFIG, overrides)


@pytest.mark.parametrize(
    "section,key",
    [
        ("[pretrain]", "batchsize = 3"),
        ("[system]", "gpu = 3"),
        ("[pretrain.model]", "temprature = 3.0"),
        ("[pretrain.optimizer]", "epsilon = 0.1"),
        ("[corpus.train]", "path2 = null"),
        ("[pretrain.loss]", "mean = true"),
    ],
)
def test_unknown_keys(tmp_path: Path, section: str, key: str) -> None:
    text = CONFIG.read_text(encoding="utf8")
    assert section in text
    path = tmp_path / "bad.cfg"
    path.write_text(text.replace(section, f"{section}\n{key}", 1), encoding="utf8")
    with pytest.raises(ConfigValidationError, match=key.split(" ")[0]):
        load_settings(path, {})


def test_missing_key(tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf8").replace("max_epochs = 4\n", "")
    path = tmp_path / "bad.cfg"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ConfigValidationError, match="max_epochs"):
        load_settings(path, {})


@pytest.mark.parametrize(
    "overrides,total,warmup",
    [
        ({}, 68, 7),  # 17 batches, 4 epochs
        ({"pretrain.max_steps": 50}, 50, 5),
        ({"pretrain.max_steps": 500}, 68, 7),
        ({"pretrain.total_steps": 30, "pretrain.warmup_steps": 9}, 30, 9),
        ({"pretrain.warmup_share": 0.0}, 68, 0),
    ],
)
def test_steps(overrides: dict[str, object], total: int, warmup: int) -> None:
    config = load_settings(CONFIG, overrides)
    schedule = set_steps(config, n_sentences=100)["pretrain"]["optimizer"]["learn_rate"]
    assert (schedule["total_steps"], schedule["warmup_steps"]) == (total, warmup)
    # The config itself stays open
    assert config["pretrain"]["total_steps"] == overrides.get("pretrain.total_steps")


def test_decisive_settings(tiny_encoder: Path) -> None:
    config = load_settings(CONFIG, {"paths.encoder": str(tiny_encoder)})
    settings = get_decisive_settings(set_steps(config, n_sentences=10))
    assert settings["pretrain.optimizer.beta1"] == 0.9
    assert settings["pretrain.model.learn_bias"] is True
    assert settings["pretrain.model.encoder"] != str(tiny_encoder)
    assert settings["pretrain.best_by"] == "dev_mrr"
    assert not {"pretrain.log_every", "system.n_threads"} & settings.keys()


def test_a_logger_decides_nothing(tiny_encoder: Path) -> None:
    plain = {"paths.encoder": str(tiny_encoder)}
    block = {"@loggers": "spacy.MLflowLogger.v2", "run_name": "a"}
    ours, theirs = (
        get_decisive_settings(set_steps(load_settings(CONFIG, o), n_sentences=10))
        for o in (plain, plain | {"pretrain.logger": block})
    )
    assert ours == theirs
    assert not any("logger" in key for key in ours)


def test_flatten() -> None:
    assert flatten({"a": 1, "b": {"c": 2, "d": {}}}, "x") == {"x.a": 1, "x.b.c": 2}


def test_find_differences() -> None:
    assert find_differences({"a": 1, "b": 2}, {"a": 1, "c": 3}) == [
        "b: None in the checkpoint, 2 now",
        "c: 3 in the checkpoint, None now",
    ]
