"""Whole runs on toy data: train, test, stop, go on."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import srsly
from thinc.api import ConfigValidationError

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.predictions import read_predictions
from spacy_nuner.evaluate.tadner.run import Request, mark, run_episodes, split_labels
from spacy_nuner.evaluate.tadner.settings import TadnerConfig, load_tadner_settings
from spacy_nuner.evaluate.tadner.summary import find_interval

from .conftest import CONFIG

MakeRequest = Callable[..., Request]


def without_time(folder: Path) -> list[dict]:
    cells = [srsly.read_json(path) for path in sorted(folder.glob("episode*.json"))]
    return [{key: x for key, x in c.items() if key != "seconds"} for c in cells]


def test_cells_and_summary(settings: TadnerConfig, make_request: MakeRequest) -> None:
    request = make_request(settings)
    done = run_episodes(request)
    assert (done.status, done.n_computed, done.n_skipped) == ("finished", 3, 0)
    cells = without_time(request.folder)
    assert request.folder.name == "2way1shot"
    assert [cell["episode"] for cell in cells] == [0, 1, 2]
    for cell in cells:
        assert sorted(cell["labels"]) == ["DISH", "PLANT"]
        assert not set(cell["support"]) & set(cell["query"])
        assert 0 <= cell["f1"] <= 1
        assert cell["n_detector_steps"] <= 3
    assert done.summary is not None
    assert done.summary["n_episodes"] == 3
    mean = np.mean([cell["f1"] for cell in cells])
    assert done.summary["episode_mean_f1"] == pytest.approx(mean)
    assert json.loads((request.folder / "summary.json").read_text())["system"]


def test_goes_on_with_the_episode(
    settings: TadnerConfig, make_request: MakeRequest, tmp_path: Path
) -> None:
    """Cells do not depend on which episodes came before in the same process."""
    straight = make_request(settings)
    run_episodes(straight)
    stopped = make_request(settings, output=tmp_path / "stopped")
    # Training is loaded: two networks without a step, so it is asked by episodes alone
    asked = iter([False, True])
    done = run_episodes(stopped, should_stop=lambda: next(asked))
    assert (done.status, done.n_computed) == ("stopped", 1)
    done = run_episodes(stopped)
    assert (done.status, done.n_computed, done.n_skipped) == ("finished", 2, 1)
    assert without_time(stopped.folder) == without_time(straight.folder)


def test_training_that_is_stopped_goes_on(
    settings: TadnerConfig, make_request: MakeRequest, tmp_path: Path
) -> None:
    straight = make_request(settings, n_episodes=1)
    run_episodes(straight)
    stopped = make_request(
        settings,
        n_episodes=1,
        output=tmp_path / "stopped",
        training=tmp_path / "stopped_training",
    )
    asked = iter([False, True])
    done = run_episodes(stopped, should_stop=lambda: next(asked))
    assert (done.status, done.summary) == ("training stopped", None)
    run_episodes(stopped)
    assert without_time(stopped.folder) == without_time(straight.folder)


def test_no_time(settings: TadnerConfig, make_request: MakeRequest) -> None:
    done = run_episodes(make_request(settings, minutes=1e-9))
    assert done.status == "training stopped"
    assert done.n_computed == 0


def test_predictions_are_kept(
    settings: TadnerConfig, make_request: MakeRequest, episode_data: Path
) -> None:
    request = make_request(settings, n_episodes=1)
    run_episodes(request)
    cell = srsly.read_json(request.folder / "episode0.json")
    kept = read_predictions(request.folder / "episode0.npz")
    assert kept.sentences == cell["query"]
    dataset = load_dataset(episode_data)
    allowed = {dataset.labels.index(label) + 1 for label in cell["labels"]}
    assert set(kept.spans[:, 2].tolist()) <= allowed


def test_learns_the_toy_types(make_request: MakeRequest) -> None:
    """Names and contexts of the toy types are easy; a random encoder learns them."""
    changes = {
        "tadner.source.max_epochs": 40,
        "tadner.source.learn_rate": 0.01,
        "tadner.support.max_steps": 100,
        "tadner.support.detector_rate": 0.01,
        "tadner.support.classifier_rate": 0.01,
        "tadner.freeze_embeddings": False,
        "tadner.filter": "off",
        "system.n_threads": 1,
    }
    config = load_tadner_settings(CONFIG, changes)
    request = make_request(config, k=2, q=2, n_episodes=4)
    done = run_episodes(request)
    assert done.summary is not None
    assert done.summary["means"]["detected_f1"] > 0.5
    assert done.summary["episode_mean_f1"] > 0.3


def test_filter_drops_mentions(
    settings: TadnerConfig, make_request: MakeRequest, tmp_path: Path
) -> None:
    found = {}
    for how in ("off", "min", "mean"):
        changes = {"tadner.filter": how, "system.n_threads": 1}
        config = load_tadner_settings(CONFIG, changes)
        request = make_request(config, output=tmp_path / how)
        run_episodes(request)
        files = sorted(request.folder.glob("*.npz"))
        found[how] = sum(len(read_predictions(file).spans) for file in files)
    assert found["off"] >= found["min"] >= found["mean"]
    assert found["off"] > found["mean"]


def test_types_in_both_parts_are_refused(episode_data: Path) -> None:
    dataset = load_dataset(episode_data)
    assert split_labels(dataset, episode_data) == (
        ["PERSON", "CITY"],
        ["DISH", "PLANT"],
    )
    same = dataset._replace(test=dataset.pool)
    with pytest.raises(ValueError, match=r"\[N570\].*in both: CITY, PERSON"):
        split_labels(same, episode_data)


def test_sentences_with_other_numbers(episode_data: Path) -> None:
    dataset = load_dataset(episode_data)
    (none, both) = mark(dataset.test, [0, 1], dataset.labels, {"PLANT": 1})
    assert len(none[1]) == 0
    assert both[0].text == "We saw pizza and oak ."
    # The dish is of no type that counts
    assert both[1].tolist() == [[4, 5, 1]]


def test_interval() -> None:
    assert find_interval([0.5]) is None
    low, high = find_interval([0.4, 0.6]) or (0, 0)
    assert low + high == pytest.approx(1.0)
    # 12.706 * 0.1414 / sqrt(2)
    assert high - low == pytest.approx(2 * 1.2706, abs=1e-3)


def test_config_is_checked() -> None:
    with pytest.raises(ConfigValidationError, match="tags"):
        load_tadner_settings(CONFIG, {"tadner.tags": "bioes"})


@pytest.mark.parametrize("profile", ["sample", "paper"])
def test_profiles(profile: str) -> None:
    load_tadner_settings(CONFIG.parents[1] / profile / "tadner.cfg", {})
