"""`spacy-nuner episodes` on the tiny encoder."""

import importlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_nuner.cli.main import app
from spacy_nuner.cli.pretrain import stop_on_interrupt

from ..evaluate.tadner.conftest import CITIES, DISHES, PEOPLE, PLANTS, write_part

episodes = importlib.import_module("spacy_nuner.cli.episodes")
CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "tadner.cfg"


@pytest.fixture(scope="module")
def args(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> list[str]:
    root = tmp_path_factory.mktemp("episodes")
    write_part(root / "pool.spacy", ("PERSON", PEOPLE), ("CITY", CITIES))
    write_part(root / "test.spacy", ("DISH", DISHES), ("PLANT", PLANTS))
    (root / "meta.json").write_text('{"labels": ["PERSON", "CITY", "DISH", "PLANT"]}')
    names = "PERSON: person\nCITY: city\nDISH: dish\nPLANT: plant\n"
    (root / "names.yml").write_text(names)
    return [
        *("episodes", str(CONFIG), "--encoder", str(tiny_encoder), "--way", "2"),
        *("--data", str(root), "--label-file", str(root / "names.yml")),
        *("--output", str(root / "metrics"), "--training", str(root / "training")),
        *("--episodes", "2", "--system.n_threads", "1"),
    ]


def test_trains_tests_and_skips(args: list[str]) -> None:
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert "2 episodes computed, 0 were there" in done.output
    assert "F1, mean over episodes: 0." in done.output
    again = CliRunner().invoke(app, args)
    assert "0 episodes computed, 2 were there" in again.output


def test_stops_in_time(args: list[str], tmp_path: Path) -> None:
    more = ["--minutes", "0.000001", "--training", str(tmp_path)]
    done = CliRunner().invoke(app, [*args, *more, "--system", "other"])
    # The time is over: a workflow goes on with its next step
    assert done.exit_code == 0, done.output
    assert "Training stopped" in done.output


def test_interrupted(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def interrupted() -> Iterator[Callable[[], bool]]:
        with stop_on_interrupt() as should_stop:
            os.kill(os.getpid(), signal.SIGINT)
            yield should_stop

    monkeypatch.setattr(episodes, "stop_on_interrupt", interrupted)
    more = ["--training", str(tmp_path), "--system", "other"]
    done = CliRunner().invoke(app, [*args, *more])
    assert done.exit_code == 130
    assert "Training stopped" in done.output
    # Where figures are there already, too
    done = CliRunner().invoke(app, [*args, "--episodes", "3"])
    assert done.exit_code == 130
    assert "F1, mean over episodes" in done.output


def test_impossible_episodes(args: list[str]) -> None:
    done = CliRunner().invoke(app, [*args, "--way", "3"])
    assert done.exit_code == 1
    assert "[N521]" in done.output
