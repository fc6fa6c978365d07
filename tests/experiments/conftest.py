"""A project folder whose commands are a small program that makes what they make."""

import sys
from pathlib import Path

import pytest

from spacy_nuner.experiments import run, sizes, steps
from spacy_nuner.experiments.keys import hash_path

CONFIG = """
[paths]
pretrain = "pretrain.cfg"
fewshot = "fewshot.cfg"
annotate = "annotate.cfg"
datasets = "ner"
labels = "labels"
work = "work"
output = "metrics/ablations"

[evaluate]
datasets = []
k = [1]
sets = 1

[corpora]
main = "concepts"
replies = "replies.jsonl"
absent = "nowhere.jsonl"

[base]
corpus = "main"
encoder = "encoder"

[ablations]

[ablations.size]
title = "Size"
table = "6"
reference = "all"

[ablations.size.10]
sentences = 10

[ablations.size.20]
sentences = 20

[ablations.size.all]

[ablations.start]
title = "Start"
reference = "random"

[ablations.start.random]

[ablations.start.concept]
system = "nuner_concept_start"

[ablations.text]
title = "Text"
reference = "web"

[ablations.text.web]
corpus = "replies"

[ablations.text.gone]
corpus = "absent"

[ablations.bias]
title = "Bias"
reference = "learned"

[ablations.bias.learned]

[ablations.bias.none]
pretrain.model.bias = 0.0
"""
# Does what the runner counts on: says what it was asked, makes files, ends at Ctrl-C
PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path

name, *rest = sys.argv[1:]
options = {k: v for k, v in zip(rest, rest[1:]) if k.startswith("--")}
with open("calls.log", "a") as file:
    print(name, *rest, file=file)
if os.environ.get("FAIL") == name:
    sys.exit("could not " + name)

def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))

stats = {"n_sentences": 20, "n_train": 18, "n_dev": 2, "n_concepts": 3, "source": {}}
if name == "annotate":
    write(Path(options["--output"]), "replies")
elif name in ("corpus", "subset"):
    output = Path(rest[1]) if name == "corpus" else Path(options["--output"])
    write(output / "stats.json", stats)
elif name == "pretrain":
    run = Path(options["--output"])
    write(run / "best" / "checkpoint.safetensors", 0)
    write(run / "log.jsonl", {"dev_loss": 0.5})
    if os.environ.get("SLOW"):
        signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
        Path("started").touch()
        time.sleep(60)
elif name == "export":
    assert Path(rest[0]).is_dir()
    write(Path(rest[1]) / "nuner.json", {"step": 3, "n_layers": 2, "width": 8})
elif name == "calibrate":
    (Path(rest[0]) / "calibration.safetensors").touch()
elif name == "evaluate":
    folder = Path(options["--output"]) / options["--system"] / "toy" / "k1"
    write(folder / "seed0.json", {"experiment": "work", "system": options["--system"]})
elif name == "compare":
    write(Path(options["--output"]), {"systems": rest[1:3]})
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all inputs but the corpus "absent"; the process is in it."""
    monkeypatch.chdir(tmp_path)
    # The folders of all tests have the same relative paths
    for remembered in (hash_path, sizes._read, sizes._count_lines):
        remembered.cache_clear()
    (tmp_path / "experiments.cfg").write_text(CONFIG)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = (sys.executable, str(tmp_path / "program.py"))
    for module in (steps, run):
        monkeypatch.setattr(module, "COMMAND", command)
    pretrain = "[pretrain]\nmax_epochs = 2\n\n[pretrain.model]\nbias = -5.0\n"
    (tmp_path / "pretrain.cfg").write_text(pretrain)
    (tmp_path / "fewshot.cfg").write_text("[training]\nmax_steps = 3\n")
    (tmp_path / "replies.jsonl").write_text('{"id": "a"}\n')
    for path, text in {
        "concepts/stats.json": '{"n_train": 90, "n_sentences": 100}',
        "concepts/train/0.spacy": "train",
        "concepts/dev/0.spacy": "dev",
        "encoder/config.json": "{}",
        "ner/toy/meta.json": "{}",
        "ner/toy/pool.spacy": "pool",
        "ner/toy/test.spacy": "test",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path
