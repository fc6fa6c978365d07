import math
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
    "key,got,message",
    [
        ("pretrain.batch_size", 0, "is 0. Allowed is a whole number above 0."),
        ("pretrain.batch_size", "many", 'is "many". Allowed is a whole number'),
        ("pretrain.total_steps", 0, "is 0. Allowed is a whole number above 0 or null."),
        ("pretrain.warmup_share", 5.0, "is 5.0. Allowed is a number from 0 to 1."),
        ("pretrain.warmup_share", math.nan, "is NaN. Allowed is a number from 0 to 1"),
        ("pretrain.max_grad_norm", math.nan, "is NaN. Allowed is a number from 0 up."),
        ("pretrain.targets.similarity", 3.0, "is 3.0. Allowed is a number from 0 to 1"),
        ("pretrain.targets", 3, "is 3. Allowed is a section of its own."),
        ("pretrain.best_by", "dev_f1", 'is "dev_f1". Allowed is "dev_mrr" or'),
        ("pretrain.model.pooling", "max", 'is "max". Allowed is "cls" or "mean".'),
        ("pretrain.model.bias", "zero", 'Allowed is a number or "log_odds".'),
        # What reads like a number and is text
        ("pretrain.loss.positive_weight", "nan", 'is "nan". Allowed is a number.'),
        ("pretrain.optimizer.learn_rate.initial_rate", "nan", 'is "nan". Allowed is a'),
        ("pretrain.epochs", 3, "is not known (got 3). Known in [pretrain], nearest"),
        ("pretrain.epochs", 3, "nearest first: max_epochs, max_steps, "),
        ("pretrain.model.temprature", 3, "nearest first: temperature, "),
        ("pretrain.optimizer.learn_rate.rate", 3, "nearest first: initial_rate, "),
        ("corpus.train.pat", "a", "Known in [corpus.train], nearest first: path, "),
        ("batch_size", 1, "like one of these: pretrain.batch_size, "),
        (
            "pretain.seed",
            1,
            "no section [pretain]. Its sections, nearest first: [pretr",
        ),
    ],
)
def test_an_error_names_key_value_and_what_is_allowed(
    key: str, got: object, message: str
) -> None:
    with pytest.raises(ConfigValidationError) as caught:
        load_settings(CONFIG, {key: got})
    lines = [line for line in str(caught.value).splitlines() if line]
    # Title and one line; no dump of the config
    assert lines[0] == f"Config error in {CONFIG}"
    assert len(lines) == 2
    assert lines[1].startswith(f"{key}\t") and message in lines[1]


def test_all_errors_at_once() -> None:
    wrong = {"pretrain.batch_size": 0, "pretrain.epochs": 3, "system.seed": -1}
    with pytest.raises(ConfigValidationError) as caught:
        load_settings(CONFIG, wrong)
    assert all(key in str(caught.value) for key in wrong)
    assert len(str(caught.value).split("\n\n")[1].splitlines()) == 4


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


def test_a_section_of_another_name(tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf8").replace("[system]", "[sistem]")
    path = tmp_path / "bad.cfg"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ConfigValidationError) as caught:
        load_settings(path, {})
    message = str(caught.value)
    assert "system\t[N391] is missing. Add it to the config" in message
    assert "Known in the config, nearest first: system, " in message


def test_missing_key(tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf8").replace("max_epochs = 4\n", "")
    path = tmp_path / "bad.cfg"
    path.write_text(text, encoding="utf8")
    allowed = r"max_epochs\t.*is missing. Add it to \[pretrain\].*above 0"
    with pytest.raises(ConfigValidationError, match=allowed):
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
