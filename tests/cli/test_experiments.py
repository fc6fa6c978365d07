"""`spacy-nuner experiments`, `subset`, `tables`, `plan` and `card` as a user has them.

One ablation is really run on the tiny profile; its steps are processes of their own.
"""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

ROOT = Path(__file__).parents[2]


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return " ".join(plain.split())


@pytest.fixture
def project(
    tmp_path: Path,
    tiny_encoder: Path,
    sample_records: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A tiny project with a concept corpus of 60 sentences and one data set."""
    monkeypatch.chdir(tmp_path)
    for name in ("configs", "assets/labels", "assets/sample"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "assets/encoders").mkdir()
    (tmp_path / "assets/encoders/tiny").symlink_to(tiny_encoder)
    records = "".join(json.dumps(record) + "\n" for record in sample_records)
    (tmp_path / "texts.jsonl").write_text(records)
    call("annotate", "configs/tiny/annotate.cfg", "texts.jsonl")
    call("corpus", "annotations/replies.sqlite", "corpus/concepts", "--dev-share", 0.2)
    call("convert", "gallery")
    return tmp_path


@pytest.mark.slow
def test_an_ablation_from_corpus_to_table(project: Path) -> None:
    config = "configs/tiny/experiments.cfg"
    told = call("experiments", config, "--list")
    assert "size/20" in told
    assert "text/c4 can't be run" in told
    arguments = ["experiments", config, "--minutes", 0, "--only", "start"]
    assert "2 variants finished" in call(*arguments)
    output = project / "metrics" / "ablations" / "start"
    for variant in ("random", "concept"):
        assert (output / variant / "gallery" / "k1" / "seed0.npz").is_file()
    compared = json.loads((output / "comparison.json").read_text())
    assert {row["one"] for row in compared["differences"]} == {"random"}
    assert "0 variants finished, 2 were before" in call(*arguments)
    told = call("tables")
    assert "Where the few-shot head starts" in told
    assert "NuNER is better than its base encoder (Table 3): not measured" in told
    tables = json.loads((project / "reports" / "tables.json").read_text())
    (finding,) = [f for f in tables["findings"] if f["table"] == "start"]
    assert finding["differences"][0]["basis"] == "test sentences and training sets"
    assert "Where the few-shot head starts" in (
        project / "reports" / "tables.md"
    ).read_text(encoding="utf8")


def test_subset_and_card(project: Path) -> None:
    told = call("subset", "corpus/concepts", "-o", "small", "--sentences", 20)
    assert "20 sentences" in told
    assert "N271" in call("subset", "small", "-o", "x", "--sentences", 99, code=1)
    told = call("card", "configs/tiny/card.cfg", "--corpus", "small")
    assert "No sentence shares 8 words with any of 1 test sets" in told
    card = (project / "small" / "README.md").read_text(encoding="utf8")
    assert "0 of 20 sentences share a run of 8 words" in card
    assert "Claude" in card
    told = call("card", "configs/tiny/card.cfg", "--corpus", "small", "--test", "none")
    assert "No leak check" in told
    (project / "e").mkdir()
    (project / "e" / "README.md").write_text("# Encoder\n")
    record = {"hardware": {"device": "NVIDIA H200"}, "seconds": 60}
    (project / "e" / "nuner.json").write_text(json.dumps(record))
    arguments = ["card", "configs/tiny/card.cfg", "--corpus", "small", "--encoder"]
    call(*arguments, "e")
    card = (project / "e" / "README.md").read_text(encoding="utf8")
    assert "| device of pre-training | NVIDIA H200 |" in card
    assert "| where the card was made |" in card
    missing = [*arguments, "nothing"]
    assert "N001" in call(*missing, code=1)


def test_a_package_gets_its_sources(project: Path) -> None:
    (project / "pipeline").mkdir()
    meta = {"name": "nuner", "license": "", "lang": "en"}
    (project / "pipeline" / "meta.json").write_text(json.dumps(meta))
    arguments = ["card", "configs/tiny/card.cfg", "--package", "pipeline"]
    call(*arguments)
    found = json.loads((project / "pipeline" / "meta.json").read_text())
    assert found["license"] == "MIT"
    assert found["sources"][0]["license"] == "MIT"
    assert found["name"] == "nuner"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tables", "12"], "N620"),
        (["experiments", "configs/tiny/experiments.cfg", "--only", "bias"], "N703"),
        (["experiments", "nothing.cfg"], "N001"),
        (["plan", "texts.jsonl", "--times", "0.5"], "N437"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str], code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    assert code in call(*arguments, code=1)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ('pretrain.model.poolin = "cls"', "N705", "did you mean pooling?"),
        ('pretrain.targets.subtokens = "frist"', "N706", 'Allowed is "all" or'),
        ('system = "nuner_concpt_start"', "N706", "N509"),
        ('fewshot.components.nuner.tagging = "bilo"', "N706", "Allowed: io, bio"),
        ("fewshot.training.max_steps = 0", "N706", "N507"),
        ('fewshot.training.optimizer.learn_rate = "fast"', "N706", "learn_rate"),
        ('fewshot.initialize.components.nuner.strat = "random"', "N706", "mean start?"),
        ('fewshot.initialize.components.nuner.start = "randm"', "N706", "N409"),
        ("fewshot.initialize.components.nuner.whiten = false", "", "size/20"),
    ],
)
def test_a_mistyped_setting_is_said_before_all_steps(
    line: str, code: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    text = (ROOT / "configs" / "tiny" / "experiments.cfg").read_text()
    place = "[ablations.start.random]"
    assert place in text
    (tmp_path / "mine.cfg").write_text(text.replace(place, f"{place}\n{line}"))
    told = call("experiments", "mine.cfg", "--list", code=bool(code))
    assert code in told and said in told
    if code:
        assert place in told
        call("experiments", "mine.cfg", code=1)
        assert not (tmp_path / "training").exists()
