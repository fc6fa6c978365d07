"""kill -9 at any moment: the run goes on, and ends as if nothing had happened."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from thinc.api import Config

from spacy_nuner.pretrain.checkpoint import PREVIOUS, read_header
from spacy_nuner.pretrain.log import TrainLog
from spacy_nuner.pretrain.recovery import find_checkpoint
from spacy_nuner.pretrain.run import Outcome, pretrain
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG
from .runs import assert_same_run

N_KILLS = 3
# 6 epochs of 4 steps
TOTAL = 24
PATIENCE = 120


def run(config: Config, output: Path) -> None:
    """In a process of its own."""
    os.environ["OMP_NUM_THREADS"] = "1"
    pretrain(config, output)


def get_step(output: Path) -> int:
    """Which step the run would go on from. A running one may be renaming."""
    path = find_checkpoint(output / "last")
    return 0 if path is None else read_header(path).progress.step


@pytest.mark.slow
def test_killed_again_and_again(tmp_path: Path, overrides: dict[str, object]) -> None:
    """A checkpoint after each step: most kills come while one is written."""
    often = {"pretrain.max_epochs": TOTAL // 4, "pretrain.checkpoint_every": 1}
    often |= {"pretrain.log_every": 1}
    config = load_settings(CONFIG, overrides | often)
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    rng = random.Random(0)
    # Imports everything once; each run is a fork of it
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spacy_nuner.pretrain.run"])
    reached = 0
    for _ in range(N_KILLS):
        process = context.Process(target=run, args=(config, killed))
        process.start()
        until, deadline = reached + rng.randint(2, 6), time.monotonic() + PATIENCE
        while get_logged(killed) < until and process.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        assert process.is_alive()
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        step = get_step(killed)
        # The log's line comes before the checkpoint: at most one step is lost
        assert reached < step
        assert step >= get_logged(killed) - 1
        reached = step
    assert reached < TOTAL
    assert pretrain(config, killed) == Outcome("finished", TOTAL, TOTAL)
    assert pretrain(config, straight) == Outcome("finished", TOTAL, TOTAL)
    assert_same_run(killed, straight)
    assert read_header(killed / "last" / PREVIOUS).progress.step == TOTAL


def get_logged(output: Path) -> int:
    """The last step that the log has, half a line left out."""
    records = TrainLog(output / "log.jsonl").read()
    return max((record["step"] for record in records), default=0)
