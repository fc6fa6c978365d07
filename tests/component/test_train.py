"""`spacy train` with the configs that the project ships, on the tiny encoder."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.cli.train import train
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry
from typer.testing import CliRunner

from .conftest import NAMES, TEXTS, read_ents

CONFIGS = Path(__file__).parents[2] / "configs"
PROFILES = ("tiny", "sample", "paper")


@pytest.fixture
def paths(encoder_folder: Path, corpus: Path, tmp_path: Path) -> dict[str, Any]:
    encoder = tmp_path / "encoder"
    shutil.copytree(encoder_folder, encoder)
    names = tmp_path / "names.yml"
    srsly.write_yaml(names, {label: {"name": name} for label, name in NAMES.items()})
    return {
        "paths.train": str(corpus),
        "paths.encoder": str(encoder),
        "paths.label_names": str(names),
    }


@pytest.mark.parametrize("start", ["random", "concept"])
def test_frozen(
    paths: dict[str, Any], tmp_path: Path, start: str, caplog: pytest.LogCaptureFixture
) -> None:
    overrides = {
        **paths,
        "initialize.components.nuner.start": start,
        "components.nuner.pull": 0.0,
        "components.nuner.none_bias": 1.0,
        "training.optimizer.learn_rate": 0.05,
        "training.max_steps": 79,
    }
    output = tmp_path / "out"
    with caplog.at_level(logging.WARNING, logger="spacy"):
        train(CONFIGS / "tiny" / "fewshot_frozen.cfg", output, overrides=overrides)
    assert not [r for r in caplog.records if r.name == "spacy"]
    before = spacy.load(output / "model-last")(TEXTS[0][0])
    assert read_ents(before) == [("Maria", "PER"), ("Bob", "PER"), ("Paris", "CITY")]
    # The pipeline stands on its own
    shutil.rmtree(paths["paths.encoder"])
    nlp = spacy.load(output / "model-last")
    after = nlp(TEXTS[0][0])
    assert read_ents(after) == read_ents(before)
    scores = srsly.read_json(output / "model-last" / "meta.json")["performance"]
    assert scores["ents_f"] == 1.0 and "nuner_token_macro_f" in scores


def test_finetune(paths: dict[str, Any], tmp_path: Path) -> None:
    config, output = CONFIGS / "tiny" / "fewshot_finetune.cfg", tmp_path / "out"
    train(config, output, overrides=paths)
    shutil.rmtree(paths["paths.encoder"])
    nlp = spacy.load(output / "model-last")
    assert nlp.get_pipe("nuner").labels == ("CITY", "PER")
    assert nlp(TEXTS[0][0]).spans["nuner"] is not None


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ["fewshot_frozen", "fewshot_finetune"])
def test_configs_are_complete(profile: str, name: str, paths: dict[str, Any]) -> None:
    """The configs of all profiles resolve and start on the tiny encoder."""
    path = CONFIGS / profile / f"{name}.cfg"
    config = load_config(path, overrides=paths, interpolate=False)
    nlp = init_nlp(config)
    registry.resolve(nlp.config.interpolate()["training"], schema=ConfigSchemaTraining)
    pipe = nlp.get_pipe("nuner")
    assert pipe.labels == ("CITY", "PER") and pipe.is_started


def test_twins_have_the_same_shape() -> None:
    for name in ("fewshot_frozen", "fewshot_finetune", "en_nuner"):
        shapes = [
            sorted(_keys(load_config(CONFIGS / profile / f"{name}.cfg")))
            for profile in PROFILES
        ]
        assert shapes[0] == shapes[1] == shapes[2], name


def _keys(section: Any, prefix: str = "") -> list[str]:
    if not isinstance(section, dict):
        return [prefix]
    return [key for k, v in section.items() for key in _keys(v, f"{prefix}.{k}")]


def test_labels_file(paths: dict[str, Any], tmp_path: Path) -> None:
    """`spacy init labels` writes what `paths.labels` reads."""
    config = CONFIGS / "tiny" / "fewshot_frozen.cfg"
    arguments = [text for key, value in paths.items() for text in (f"--{key}", value)]
    result = CliRunner().invoke(
        app, ["init", "labels", str(config), str(tmp_path), *arguments]
    )
    assert result.exit_code == 0, result.output
    path = tmp_path / "nuner.json"
    assert srsly.read_json(path) == ["CITY", "PER"]
    srsly.write_json(path, ["PER", "CITY", "FOOD"])
    again = {**paths, "paths.labels": str(path)}
    nlp = init_nlp(
        load_config(
            config,
            overrides={**again, "paths.label_names": None},
            interpolate=False,
        )
    )
    assert nlp.get_pipe("nuner").labels == ("PER", "CITY", "FOOD")
    srsly.write_json(path, ["PER"])
    with pytest.raises(ValueError, match=r"\[N402\].*'CITY'"):
        init_nlp(load_config(config, overrides=again, interpolate=False))
