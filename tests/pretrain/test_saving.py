from pathlib import Path

import pytest

from spacy_nuner.pretrain.checkpoint import read_header
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG


class Killed(Exception):
    """What stops a run without a last word, as kill -9 does."""


def run_and_kill(overrides: dict[str, object], output: Path) -> list[int]:
    """Steps of the checkpoint that is there after each of the first 7 steps."""
    config = load_settings(CONFIG, overrides)
    seen: list[int] = []

    def look() -> bool:
        path = output / "last"
        seen.append(read_header(path).progress.step if path.exists() else 0)
        if len(seen) == 7:
            raise Killed
        return False

    with pytest.raises(Killed):
        pretrain(config, output, should_stop=look)
    return seen


@pytest.mark.parametrize(
    "every,minutes,expected",
    [
        # One after each epoch (4 steps), whatever is set
        (0, 0, [0, 0, 0, 0, 4, 4, 4]),
        (3, 0, [0, 0, 3, 3, 4, 6, 6]),
        (3, 600, [0, 0, 3, 3, 4, 6, 6]),
        # Each step is late
        (0, 1e-6, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_when_checkpoints_are_written(
    tmp_path: Path,
    overrides: dict[str, object],
    every: int,
    minutes: float,
    expected: list[int],
) -> None:
    often = {
        "pretrain.checkpoint_every": every,
        "pretrain.checkpoint_minutes": minutes,
    }
    assert run_and_kill(overrides | often, tmp_path) == expected
