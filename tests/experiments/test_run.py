"""Runs: all of it, cut short, stopped, failed, and gone on with."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spacy_nuner.experiments.child import run_child
from spacy_nuner.experiments.config import read_experiments
from spacy_nuner.experiments.estimate import estimate, measure_rates
from spacy_nuner.experiments.lock import holding
from spacy_nuner.experiments.plan import make_jobs
from spacy_nuner.experiments.run import Outcome, Runner


def go(
    project: Path,
    *,
    minutes: float = 0,
    only: tuple[str, ...] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    content = read_experiments(project / "experiments.cfg")
    jobs = make_jobs(content, lambda key: True, only)
    return Runner(jobs, content, minutes=minutes, should_stop=should_stop).run()


def calls(project: Path) -> list[str]:
    path = project / "calls.log"
    return path.read_text().splitlines() if path.is_file() else []


def test_everything_is_made_once(project: Path) -> None:
    outcome = go(project)
    assert (outcome.n_finished, outcome.n_before, outcome.n_left) == (8, 0, 0)
    assert outcome.missing == ["text/gone: the corpus nowhere.jsonl is not there"]
    names = [line.split()[0] for line in calls(project)]
    # All of size, start and bias but three share one training; "web" has its own
    assert names.count("pretrain") == 5
    assert names.count("annotate") == 1
    assert names.count("subset") == 2
    assert names.count("compare") == 3
    assert "--pretrain.model.bias=0.0" in "\n".join(calls(project))
    output = project / "metrics" / "ablations"
    cell = json.loads((output / "size/10/toy/k1/seed0.json").read_text())
    assert (cell["experiment"], cell["system"]) == ("size", "10")
    variant = json.loads((output / "start/concept/variant.json").read_text())
    assert variant["system"] == "nuner_concept_start"
    assert variant["reference"] == "random"
    assert json.loads((output / "size/comparison.json").read_text())
    # Checkpoints are gone, the log is kept
    assert not list((project / "work").glob("encoders/*/run"))
    assert len(list((project / "work").glob("encoders/*/log.jsonl"))) == 5
    again = go(project)
    assert (again.n_finished, again.n_before) == (0, 8)
    assert len(calls(project)) == len(names)


def test_a_changed_setting_runs_what_depends_on_it(project: Path) -> None:
    go(project, only=("bias",))
    before = len(calls(project))
    path = project / "experiments.cfg"
    path.write_text(path.read_text().replace("bias = 0.0", "bias = 1.0"))
    outcome = go(project, only=("bias",))
    assert (outcome.n_finished, outcome.n_before) == (1, 1)
    assert [line.split()[0] for line in calls(project)[before:]] == [
        "pretrain",
        "export",
        "calibrate",
        "evaluate",
        "compare",
    ]


def test_a_failure_leaves_the_others(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "subset")
    outcome = go(project, only=("size",))
    assert outcome.n_finished == 1
    assert len(outcome.failed) == 2
    assert "could not subset" in outcome.failed[0]
    assert "N704" in outcome.failed[0]
    monkeypatch.delenv("FAIL")
    assert go(project, only=("size",)).n_finished == 2


def test_time_that_is_over_stops_a_training(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "1")
    begin = time.monotonic()
    outcome = go(project, minutes=2 / 60, only=("size",))
    assert time.monotonic() - begin < 30
    assert (outcome.n_finished, outcome.n_left) == (0, 3)
    # What it did is there for the next run
    assert list((project / "work").glob("encoders/*/run/best"))
    monkeypatch.delenv("SLOW")
    assert go(project, only=("size",)).n_finished == 3


def test_a_wish_stops_before_the_next_step(project: Path) -> None:
    outcome = go(project, should_stop=lambda: len(calls(project)) >= 2)
    assert outcome.n_left == 8
    assert len(calls(project)) <= 3


def test_times_are_estimated_from_what_was_measured(project: Path) -> None:
    content = read_experiments(project / "experiments.cfg")
    jobs = make_jobs(content, lambda key: True, ("size",))
    nothing = estimate(jobs[0], content, measure_rates(content), 90, 2)
    assert nothing is None
    go(project, only=("start",))
    rates = measure_rates(content)
    assert set(rates.others) == {"export", "calibrate", "evaluate"}
    (rate,) = rates.pretrain.values()
    ten = next(job for job in jobs if job.variant.name == "10")
    # Its subset was never made: how long that takes isn't known
    assert estimate(ten, content, rates, 9, 2) is None
    go(project, only=("size",))
    rates = measure_rates(content)
    bias = make_jobs(content, lambda key: True, ("bias",))[-1]
    seconds = estimate(bias, content, rates, 90, 2)
    assert seconds is not None
    assert seconds == pytest.approx(
        rates.pretrain["encoder"] * 180
        + sum(v for k, v in rates.others.items() if k != "subset"),
        rel=0.01,
    )
    assert rate > 0


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    with holding(tmp_path), pytest.raises(ValueError, match="N702"), holding(tmp_path):
        pass
    with holding(tmp_path):
        pass


def test_children_end_with_their_workers(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "child = subprocess.Popen(sleep)\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    pid = tmp_path / "pid"
    command = [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r})\n{code}"]
    ended = run_child(command, tmp_path / "log", lambda: pid.is_file())
    assert ended.stopped
    number = int(pid.read_text())
    for _ in range(50):
        state = Path(f"/proc/{number}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            break
        time.sleep(0.1)
    else:
        os.kill(number, signal.SIGKILL)
        pytest.fail("a worker is left")
