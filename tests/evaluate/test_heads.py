"""Heads on arrays: here or in other processes, the figures are the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spacy_nuner.evaluate import heads
from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.frozen import read_config, read_recipe
from spacy_nuner.evaluate.heads import (
    THREADS,
    Runner,
    Task,
    make_pipe,
    run_task,
    tag_tokens,
    without_docs,
)

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "fewshot_frozen.cfg"


@pytest.fixture(scope="module")
def config():
    return read_config(CONFIG, {"training.max_steps": 40, "components.nuner.pull": 0.7})


def bio_tags(gold):
    """Tags of the tokens: 0 "O", then "B-" and "I-" of each label."""
    begins = np.zeros(len(gold.types), dtype=bool)
    begins[gold.spans[:, 0]] = True
    return np.where(gold.types > 0, 2 * gold.types - begins, gold.types)


@pytest.fixture(scope="module")
def make_task(datasets_dir, tmp_path_factory, config):
    """Tasks on vectors in which the type of a token can be seen, with noise."""
    dataset = load_dataset(datasets_dir / "gallery")
    gold = dataset.test
    path = tmp_path_factory.mktemp("vectors") / "vectors.npy"
    rng = np.random.default_rng(0)
    types = gold.types.clip(min=0)
    X = np.eye(16, dtype="float32")[types] + rng.normal(0, 0.3, (len(types), 16))
    np.save(path, X.astype("float32"))

    def make(n, *, subset=None):
        rows = gold.rows(range(n))
        return Task(
            train=path,
            train_rows=rows,
            train_lengths=gold.lengths[:n],
            tags=bio_tags(gold)[rows],
            test=path,
            test_rows=None,
            gold=without_docs(gold),
            subset=subset,
            labels=dataset.labels,
            recipe=read_recipe(config),
            label_vectors=None,
        )

    return make


def test_a_head_learns(config, make_task):
    few, many = (run_task(make_pipe(config), make_task(n)) for n in (2, 60))
    assert many["token_macro_f1"] > 0.6
    assert many["token_macro_f1"] > few["token_macro_f1"]
    assert many["seconds"] > 0


def figures_of(result):
    return {name: result[name] for name in result if name not in ("seconds", "spans")}


def test_a_head_leaves_no_trace_on_the_next(config, make_task):
    pipe = make_pipe(config)
    first = run_task(pipe, make_task(10))
    run_task(pipe, make_task(60))
    second = run_task(pipe, make_task(10))
    assert figures_of(first) == figures_of(second)
    np.testing.assert_array_equal(first["spans"], second["spans"])


def test_rows_of_the_test_set_and_a_subset_of_it(config, make_task, datasets_dir):
    gold = load_dataset(datasets_dir / "gallery").test
    task = make_task(40)
    everything = np.arange(len(gold.types))
    subset = (everything, without_docs(gold))
    result = run_task(
        make_pipe(config), task._replace(test_rows=everything, subset=subset)
    )
    plain = run_task(make_pipe(config), task)
    assert result["token_macro_f1"] == plain["token_macro_f1"]
    assert result["subset_ner_v3"] == {
        name: plain[name] for name in ("token_macro_f1", "entity_micro_f1")
    }
    assert "subset_ner_v3" not in plain


def test_nothing_to_tag(config, make_task):
    pipe, task = make_pipe(config), make_task(5)
    run_task(pipe, task)
    none = task.gold._replace(lengths=task.gold.lengths[:0], types=task.gold.types[:0])
    assert tag_tokens(pipe, task._replace(gold=none)).shape == (0,)


def test_chunks_change_nothing(config, make_task, monkeypatch):
    pipe, task = make_pipe(config), make_task(20)
    run_task(pipe, task)
    whole = tag_tokens(pipe, task)
    monkeypatch.setattr(heads, "CHUNK", 30)
    np.testing.assert_array_equal(tag_tokens(pipe, task), whole)


def test_columns_are_those_of_one_layer(config, make_task, tmp_path):
    task = make_task(20)
    X = np.load(task.train)
    noise = np.random.default_rng(1).normal(size=X.shape).astype("float32")
    np.save(tmp_path / "joined.npy", np.hstack([noise, X, noise]))
    joined = task._replace(train=tmp_path / "joined.npy", test=tmp_path / "joined.npy")
    pipe = make_pipe(config)
    plain = run_task(pipe, task)
    middle = run_task(pipe, joined._replace(columns=(16, 32)))
    first = run_task(pipe, joined._replace(columns=(0, 16)))
    assert figures_of(middle) == figures_of(plain)
    assert first["token_macro_f1"] < plain["token_macro_f1"]


def test_zero_shot_is_the_label_vectors(config, make_task):
    task = make_task(1)._replace(tags=None)
    vectors = 3 * np.eye(16, dtype="float32")[1 : 1 + len(task.labels)]
    right, wrong = (
        run_task(make_pipe(config), task._replace(label_vectors=v))["token_macro_f1"]
        for v in (vectors, np.roll(vectors, 1, axis=0))
    )
    assert right > 0.4
    assert wrong < 0.1


def test_averages_are_refused(config):
    recipe = read_recipe(config)
    recipe = recipe._replace(optimizer=recipe.optimizer | {"use_averages": True})
    with pytest.raises(ValueError, match="N506"):
        recipe.make_optimizer()


@pytest.mark.parametrize(
    "overrides",
    [
        {"training.max_steps": 0},
        {"training.max_epochs": 3},
        {"training.patience": 100},
    ],
)
def test_steps_must_be_fixed(overrides):
    with pytest.raises(ValueError, match="N507"):
        read_recipe(read_config(CONFIG, overrides))


def test_spacy_does_one_step_more_than_it_says(config):
    assert read_recipe(config).n_steps == 41


@pytest.mark.slow
def test_processes_give_the_same_figures(config, make_task):
    tasks = [make_task(n) for n in range(4, 18)]
    before = {name: os.environ.get(name) for name in THREADS}
    with Runner(config, n_process=1) as runner:
        here = dict(runner.run(tasks))
    with Runner(config, n_process=2) as runner:
        there = dict(runner.run(tasks))
        again = dict(runner.run(tasks[:2]))  # the processes are there already
    assert {name: os.environ.get(name) for name in THREADS} == before
    for figures in (*here.values(), *there.values(), *again.values()):
        del figures["seconds"]
        figures["spans"] = figures["spans"].tolist()
    assert there == here
    assert again == {i: here[i] for i in (0, 1)}


@pytest.mark.slow
def test_processes_end_with_a_killed_parent():
    program = (
        "import os, subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from spacy_nuner.evaluate.frozen import read_config\n"
        "from spacy_nuner.evaluate.heads import Runner\n"
        "if __name__ == '__main__':\n"
        f"    runner = Runner(read_config(Path({str(CONFIG)!r}), {{}}), n_process=1)\n"
        "    pool = runner._start()\n"
        "    print(*pool._processes, flush=True)\n"
        "    time.sleep(100)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or _is_zombie(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the process outlived its parent")


def _is_zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
