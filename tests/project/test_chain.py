"""The whole chain on the tiny profile, as a user starts it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spacy_nuner.annotate.journal.store import read_journal

ROOT = Path(__file__).parent.parent.parent
GRID = ["--vars.n_texts", "60", "--vars.k", "1,2", "--vars.n_sets", "2"]


def run_project(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spacy", "project", "run", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def run_chain(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return run_project(folder, "all", ".", "--vars.profile", "tiny", *GRID, *args)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as a clone has it: no file that the chain makes."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("project.yml", "README.md"):
        shutil.copy(ROOT / name, folder)
    for name in ("configs", "scripts", "assets/sample", "assets/labels"):
        shutil.copytree(ROOT / name, folder / name)
    # project.yml names modules among the inputs of its commands
    (folder / "spacy_nuner").symlink_to(ROOT / "spacy_nuner")
    return folder


@pytest.fixture(scope="module")
def finished(project: Path) -> Path:
    result = run_chain(project)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return project


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "annotations/replies.sqlite",
        "corpus/concepts/stats.json",
        "corpus/ner/gallery/test.spacy",
        "training/pretrain/log.jsonl",
        "encoders/tiny/model.safetensors",
        "encoders/tiny/concept_encoder/model.safetensors",
        "encoders/tiny/calibration.safetensors",
        "metrics/calibration.json",
        "training/en_nuner/meta.json",
        "metrics/fewshot/nuner/gallery/k1/seed0.json",
        "metrics/ner_v3/llm_ner_v3_repaired/workshop/kw8/seed0.json",
        "reports/index.html",
        "reports/summary.md",
    ],
)
def test_chain_writes(finished: Path, path: str) -> None:
    assert (finished / path).stat().st_size > 0


@pytest.mark.slow
def test_counts_add_up(finished: Path) -> None:
    stats = json.loads((finished / "corpus/concepts/stats.json").read_text())
    records = read_journal(finished / "annotations/replies.sqlite")
    replies = [record.response or "" for record in records]
    assert len(replies) == 60
    n_lines = sum(bool(row.strip()) for reply in replies for row in reply.splitlines())
    assert stats["n_lines"] == n_lines
    with (finished / "corpus/concepts/drops.jsonl").open(encoding="utf8") as file:
        n_drops = sum(1 for _ in file)
    assert n_lines == stats["n_placed_lines"] + n_drops


@pytest.mark.slow
def test_wheel_names_this_package(finished: Path) -> None:
    import zipfile

    (wheel,) = finished.glob("packages/*/dist/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("METADATA"))
        metadata = archive.read(name).decode("utf8")
    assert "Requires-Dist: spacy-nuner" in metadata
    assert "Requires-Dist: spacy-transformers" in metadata


@pytest.mark.slow
def test_second_run_does_nothing_and_says_so(finished: Path) -> None:
    marks = {p: p.stat().st_mtime_ns for p in finished.glob("metrics/**/*.json")}
    result = run_chain(finished)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("nothing changed") >= 12
    assert marks == {p: p.stat().st_mtime_ns for p in marks}


@pytest.mark.slow
def test_a_lost_cell_alone_is_made_again(finished: Path) -> None:
    lost = finished / "metrics/fewshot/nuner/gallery/k1/seed0.json"
    before = json.loads(lost.read_text())
    kept = finished / "metrics/fewshot/nuner/gallery/k1/seed1.json"
    mark = kept.stat().st_mtime_ns
    lost.unlink()
    result = run_chain(finished)
    assert result.returncode == 0, result.stderr
    after = json.loads(lost.read_text())
    assert after["token_macro_f1"] == before["token_macro_f1"]
    assert kept.stat().st_mtime_ns == mark


@pytest.mark.slow
def test_unknown_profile_is_named(project: Path) -> None:
    result = run_project(project, "check", ".", "--vars.profile", "huge")
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "huge" in said and "paper, sample, tiny" in said


@pytest.mark.slow
def test_damaged_asset_stops_the_chain(project: Path, tmp_path: Path) -> None:
    for name in ("configs", "scripts", "assets"):
        shutil.copytree(project / name, tmp_path / name)
    shutil.copy(project / "project.yml", tmp_path)
    damaged = tmp_path / "assets/sample/downstream/gallery.pool.jsonl"
    damaged.write_text(damaged.read_text()[:-10])
    result = run_project(tmp_path, "check", ".", "--vars.profile", "tiny")
    assert result.returncode != 0
    said = " ".join((result.stdout + result.stderr).split())
    assert "gallery.pool.jsonl" in said and "SHA-256" in said
