"""`spacy-nuner episodes` on the tiny encoder."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

from ..evaluate.tadner.conftest import CITIES, DISHES, PEOPLE, PLANTS, write_part

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
    assert done.exit_code == 130
    assert "Training stopped" in done.output


def test_impossible_episodes(args: list[str]) -> None:
    done = CliRunner().invoke(app, [*args, "--way", "3"])
    assert done.exit_code == 1
    assert "[N521]" in done.output
