import io
import json
import re
import sys
from pathlib import Path

import pytest

from spacy_nuner.pretrain.checkpoint import Progress
from spacy_nuner.pretrain.log import TrainLog
from spacy_nuner.pretrain.monitor import Monitor
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.scores import Scores
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG


class Terminal(io.StringIO):
    """A stream that says it is a terminal: the bar is shown on no other."""

    def isatty(self) -> bool:
        return True


def test_bar_of_a_run(
    tmp_path: Path, overrides: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_settings(CONFIG, overrides | {"pretrain.cache_frozen_gib": 0.0})
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    pretrain(config, tmp_path)
    shown = terminal.getvalue().split("\r")[-1]
    assert "12/12" in shown
    # Time passed and time left
    assert re.search(r"\[\d\d:\d\d<\d\d:\d\d", shown)
    last = json.loads((tmp_path / "log.jsonl").read_text("utf8").splitlines()[-2])
    for name in ("loss", "p_pos", "p_neg"):
        assert f"{name}={last[name]:.4g}" in shown
    assert f"sent/s={last['sentences_per_second']:.4g}" in shown


def test_bar_goes_on_where_the_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    progress = Progress(step=3)
    with Monitor(TrainLog(tmp_path / "log.jsonl"), step=3, total_steps=10) as monitor:
        progress.step, progress.window = 4, Scores(loss=3.0, n_cells=4, n_positive=1)
        monitor.end_step(progress, n_texts=6, seconds=2.0)
    shown = terminal.getvalue()
    assert "3/10" in shown and "4/10" in shown
    assert "loss=0.75" in shown and "sent/s=3" in shown


def test_nothing_is_shown_where_nobody_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Monitor(TrainLog(tmp_path / "log.jsonl"), step=0, total_steps=10) as monitor:
        monitor.end_step(Progress(step=1), n_texts=6, seconds=2.0)
    assert capsys.readouterr() == ("", "")


def test_speed_is_that_of_the_steps_since_the_last_line(tmp_path: Path) -> None:
    """Time between steps (dev part, checkpoints) is not theirs."""
    log = TrainLog(tmp_path / "log.jsonl")
    progress = Progress(step=2, window=Scores(loss=1.0, n_cells=4, n_positive=1))
    with Monitor(log, step=0, total_steps=10) as monitor:
        for n_texts, seconds in ((6, 2.0), (4, 3.0)):
            monitor.end_step(progress, n_texts=n_texts, seconds=seconds)
        monitor.end_window(progress, rate=0.5)
        monitor.end_step(progress, n_texts=8, seconds=1.0)
        monitor.end_window(progress, rate=0.5)
        monitor.end_epoch(progress, {"dev_loss": 0.125})
    records = log.read()
    assert [r.get("sentences_per_second") for r in records] == [2.0, 8.0, None]
    assert records[0] == {
        "step": 2,
        "epoch": 0,
        "loss": 0.25,
        "p_pos": 0.0,
        "p_neg": 0.0,
        "lr": 0.5,
        "sentences_per_second": 2.0,
    }
    assert records[2] == {"step": 2, "epoch": 0, "dev_loss": 0.125}
