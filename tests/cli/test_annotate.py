"""`spacy-nuner annotate`, as a user types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spacy_nuner.cli.main import app

ROOT = Path(__file__).parent.parent.parent
REPLIES = ROOT / "assets" / "sample" / "annotated.jsonl"


def run(*arguments: object, profile: str = "tiny") -> Result:
    config = ROOT / "configs" / profile / "annotate.cfg"
    command = ["annotate", str(config), *map(str, arguments)]
    return CliRunner().invoke(app, command)


@pytest.mark.parametrize("profile", ["tiny", "sample"])
def test_asks_resumes_and_does_nothing(profile: str, tmp_path: Path) -> None:
    output = tmp_path / "annotations" / "replies.jsonl"
    options = ["--output", output, "--paths.replies", REPLIES]
    result = run(REPLIES, "--limit", 5, *options, profile=profile)
    assert result.exit_code == 0, result.output
    assert "5 asked, 0 from before, 0 failed" in result.output
    result = run(REPLIES, "--limit", 20, *options, profile=profile)
    assert "15 asked, 5 from before, 0 failed" in result.output
    result = run(REPLIES, "--limit", 20, *options, profile=profile)
    assert result.exit_code == 0
    assert "Nothing to do: all 20 replies" in result.output
    records = output.read_text(encoding="utf8").splitlines()
    assert len(records) == 20
    assert json.loads(records[0])["id"] == "web-0000"


def test_record_without_text_names_file_and_line(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"id": "a", "text": "Paris"}\n{"id": "b"}\n', encoding="utf8")
    output = tmp_path / "replies.jsonl"
    result = run(texts, "--output", output, "--paths.replies", REPLIES)
    assert result.exit_code == 1
    assert "texts.jsonl, line 2" in " ".join(result.output.split())
    assert not output.exists()


def test_unknown_text_fails_with_the_reason(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"id": "a", "text": "Never recorded."}\n', encoding="utf8")
    output = tmp_path / "replies.jsonl"
    result = run(texts, "--output", output, "--paths.replies", REPLIES)
    assert result.exit_code == 1
    assert "0 asked, 0 from before, 1 failed" in result.output
    assert "N102" in result.output


def test_reply_file_of_another_prompt(tmp_path: Path) -> None:
    folder = ROOT / "assets" / "sample" / "llm_ner_v3"
    replies = folder / "gallery.kw0.replies.jsonl"
    output = tmp_path / "replies.jsonl"
    options = ["--output", output, "--paths.replies", replies, "--max-failures", 2]
    result = run(replies, *options)
    assert result.exit_code == 1
    assert "recorded with another prompt" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "override", ["--components.llm.model.pth", "--components.llm.task.label"]
)
def test_unknown_setting(override: str, tmp_path: Path) -> None:
    output = tmp_path / "replies.jsonl"
    result = run(REPLIES, "--output", output, override, "x")
    assert result.exit_code == 1
    assert override.split(".")[-1] in result.output
    assert not output.exists()


def test_config_that_is_not_there(tmp_path: Path) -> None:
    command = ["annotate", str(tmp_path / "none.cfg"), str(REPLIES)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "none.cfg" in result.output
