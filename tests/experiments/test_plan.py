"""Folders and keys: nothing is trained twice, and what changes makes a new key."""

from pathlib import Path

import pytest

from spacy_nuner.experiments.config import read_experiments
from spacy_nuner.experiments.keys import hash_path
from spacy_nuner.experiments.plan import Job, make_jobs


def load(project: Path) -> dict[str, Job]:
    # Files change between calls, as they do between runs
    hash_path.cache_clear()
    content = read_experiments(project / "experiments.cfg")
    return {job.variant.label: job for job in make_jobs(content, is_decisive)}


def is_decisive(key: str) -> bool:
    return key != "pretrain.log_every"


def test_variants_share_what_is_the_same(project: Path) -> None:
    jobs = load(project)
    same = [jobs[n] for n in ("size/all", "start/random", "bias/learned")]
    assert len({job.training for job in same}) == 1
    assert len({job.cells for job in same}) == 1
    assert jobs["start/concept"].training == same[0].training
    assert jobs["start/concept"].cells != same[0].cells
    assert jobs["bias/none"].training != same[0].training
    assert jobs["size/10"].corpus != jobs["size/20"].corpus
    assert jobs["text/gone"].missing


def test_the_most_telling_come_first(project: Path) -> None:
    order = list(load(project))
    assert order[:4] == ["size/all", "start/random", "text/web", "bias/learned"]
    # Then the farthest from the reference
    assert order[4] == "size/10"
    assert order[-1] == "size/20"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("concepts/train/0.spacy", "other"),
        ("encoder/config.json", '{"a": 1}'),
        ("pretrain.cfg", "[pretrain]\nmax_epochs = 3\n[pretrain.model]\nbias = -5.0\n"),
        ("fewshot.cfg", "[training]\nmax_steps = 4\n"),
        ("ner/toy/test.spacy", "other"),
    ],
)
def test_changed_inputs_make_other_keys(project: Path, path: str, text: str) -> None:
    before = load(project)["size/all"].key
    (project / path).write_text(text)
    assert load(project)["size/all"].key != before


def test_what_decides_nothing_makes_no_other_key(project: Path) -> None:
    before = load(project)["size/all"].key
    path = project / "pretrain.cfg"
    comment = "# a comment\n" + path.read_text()
    path.write_text(comment.replace("max_epochs", "log_every = 9\nmax_epochs"))
    (project / "encoder" / "README.md").write_text("a card")
    assert load(project)["size/all"].key == before
