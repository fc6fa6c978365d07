"""`spacy-nuner annotate`, as a user types it."""

import json
import os
import signal
from pathlib import Path

import pytest
from spacy_llm.registry import registry
from typer.testing import CliRunner, Result

from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.cli.main import app
from tests.annotate.models import Shuffled, answer_prompt

ROOT = Path(__file__).parent.parent.parent
REPLIES = ROOT / "assets" / "sample" / "annotated.jsonl"


def run(*arguments: object, profile: str = "tiny") -> Result:
    config = ROOT / "configs" / profile / "annotate.cfg"
    command = ["annotate", str(config), *map(str, arguments)]
    return CliRunner().invoke(app, command)


def flatten(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.mark.parametrize("profile", ["tiny", "sample"])
def test_asks_resumes_and_does_nothing(profile: str, tmp_path: Path) -> None:
    output = tmp_path / "annotations" / "replies.sqlite"
    options = ["--output", output, "--paths.replies", REPLIES]
    result = run(REPLIES, "--limit", 5, *options, profile=profile)
    assert result.exit_code == 0, result.output
    assert "5 asked, 0 from before, 0 failed" in result.output
    result = run(REPLIES, "--limit", 20, *options, profile=profile)
    assert "15 asked, 5 from before, 0 failed" in result.output
    result = run(REPLIES, "--limit", 20, *options, profile=profile)
    assert result.exit_code == 0
    assert "Nothing to do: all 20 replies" in result.output
    records = list(read_journal(output))
    assert len(records) == 20
    assert records[0].id == "web-0000"
    assert [file.name for file in output.parent.iterdir()] == [output.name]


def test_record_without_text_names_file_and_line(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"id": "a", "text": "Paris"}\n{"id": "b"}\n', encoding="utf8")
    output = tmp_path / "replies.sqlite"
    result = run(texts, "--output", output, "--paths.replies", REPLIES)
    assert result.exit_code == 1
    assert "texts.jsonl, line 2" in flatten(result)
    assert not output.exists()


def test_unknown_text_fails_with_the_reason(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"id": "a", "text": "Never recorded."}\n', encoding="utf8")
    output = tmp_path / "replies.sqlite"
    result = run(texts, "--output", output, "--paths.replies", REPLIES)
    assert result.exit_code == 1
    assert "0 asked, 0 from before, 1 failed" in result.output
    assert "N102" in result.output


def test_reply_file_of_another_prompt(tmp_path: Path) -> None:
    folder = ROOT / "assets" / "sample" / "llm_ner_v3"
    replies = folder / "gallery.kw0.replies.jsonl"
    output = tmp_path / "replies.sqlite"
    options = ["--output", output, "--paths.replies", replies, "--max-failures", 2]
    result = run(replies, *options)
    assert result.exit_code == 1
    assert "recorded with another prompt" in flatten(result)


@pytest.mark.parametrize(
    "override", ["--components.llm.model.pth", "--components.llm.task.label"]
)
def test_unknown_setting(override: str, tmp_path: Path) -> None:
    output = tmp_path / "replies.sqlite"
    result = run(REPLIES, "--output", output, override, "x")
    assert result.exit_code == 1
    assert override.split(".")[-1] in result.output
    assert not output.exists()


def test_config_that_is_not_there(tmp_path: Path) -> None:
    command = ["annotate", str(tmp_path / "none.cfg"), str(REPLIES)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "none.cfg" in result.output


def test_journal_of_an_earlier_version_is_imported_not_asked(tmp_path: Path) -> None:
    old, new = tmp_path / "replies.jsonl", tmp_path / "replies.sqlite"
    options = ["--paths.replies", REPLIES, "--limit", 5]
    assert run(REPLIES, "--output", new, *options).exit_code == 0
    journal = ["journal", "export", str(new), str(old)]
    assert CliRunner().invoke(app, journal).exit_code == 0
    # the fields that the earlier version wrote
    fields = ("key", "model", "prompt_sha256", "id", "text", "response")
    records = [json.loads(line) for line in old.read_bytes().splitlines()]
    lines = [json.dumps({name: r[name] for name in fields}) for r in records]
    old.write_text("\n".join(lines) + "\n", encoding="utf8")
    new.unlink()
    result = run(REPLIES, "--output", old, *options)
    assert result.exit_code == 1
    assert "N140" in result.output and "journal import" in flatten(result)
    journal = ["journal", "import", str(old), "--output", str(new)]
    assert CliRunner().invoke(app, journal).exit_code == 0
    result = run(REPLIES, "--output", new, *options)
    assert "Nothing to do: all 5 replies" in result.output


def test_dry_run_says_what_it_guesses(tmp_path: Path) -> None:
    output = tmp_path / "replies.sqlite"
    config = tmp_path / "annotate.cfg"
    text = (ROOT / "configs" / "tiny" / "annotate.cfg").read_text(encoding="utf8")
    prices = '\n[prices]\ninput = 1.5\noutput = 2.0\ncurrency = "EUR"\n'
    config.write_text(text + prices, encoding="utf8")
    options = ["--output", output, "--paths.replies", REPLIES, "--limit", 60]
    command = ["annotate", config, REPLIES, *options, "--dry-run", 10]
    result = CliRunner().invoke(app, [*map(str, command), "--prices.input", "2.5"])
    assert result.exit_code == 0, result.output
    said = flatten(result)
    assert "10 of 60 texts" in said and "Texts left 50" in said
    assert "counts no tokens" in said and "EUR (95% interval" in said
    result = run(REPLIES, *options)
    assert "50 asked, 10 from before, 0 failed" in result.output


def test_dry_run_without_prices(tmp_path: Path) -> None:
    options = ["--output", tmp_path / "o.sqlite", "--paths.replies", REPLIES]
    result = run(REPLIES, *options, "--limit", 9, "--dry-run", 3)
    assert result.exit_code == 0
    assert "no section [prices]" in flatten(result)


def test_budget_needs_prices(tmp_path: Path) -> None:
    options = ["--output", tmp_path / "o.sqlite", "--paths.replies", REPLIES]
    result = run(REPLIES, *options, "--budget", 1)
    assert result.exit_code == 1
    assert "N147" in result.output


def interrupt_once(prompt: str) -> Answer:
    """Press Ctrl-C while a certain text is answered."""
    if prompt.endswith("Text number 20."):
        os.kill(os.getpid(), signal.SIGINT)
    return answer_prompt(prompt)


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A config with a model that counts tokens, and prices."""
    name = "tests.Shuffled.v1"
    registry.llm_models(name, func=lambda: Shuffled(answer=request.param))
    path = tmp_path / "annotate.cfg"
    text = (ROOT / "configs" / "tiny" / "annotate.cfg").read_text(encoding="utf8")
    text = text.replace("spacy-nuner.Recorded.v1", name).replace(
        "path = ${paths.replies}", ""
    )
    text = text.replace("save_io = true", "save_io = true\nvalidate_types = false")
    prices = "\n[prices]\ninput = 10.0\noutput = 20.0\n"
    path.write_text(text + prices, encoding="utf8")
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": f"Text number {i}."}) for i in range(100)]
    path.write_text("\n".join(lines), encoding="utf8")
    return path


@pytest.mark.parametrize("config", [answer_prompt], indirect=True)
def test_budget_has_an_exit_code_of_its_own(
    config: Path, many: Path, tmp_path: Path
) -> None:
    output = tmp_path / "replies.sqlite"
    command = ["annotate", str(config), str(many), "--output", str(output)]
    result = CliRunner().invoke(app, [*command, "--budget", "0.1"])
    assert result.exit_code == 3
    said = flatten(result)
    assert "of 0.1000 USD are spent" in said and "texts are left" in said
    assert 0 < len(list(read_journal(output))) < 100
    result = CliRunner().invoke(app, [*command, "--budget", "1"])
    assert result.exit_code == 0
    assert "0.1298 USD with all earlier runs" in flatten(result)
    assert len(list(read_journal(output))) == 100


@pytest.mark.parametrize("config", [interrupt_once], indirect=True)
def test_ctrl_c_says_how_to_go_on(config: Path, many: Path, tmp_path: Path) -> None:
    output = tmp_path / "replies.sqlite"
    command = ["annotate", str(config), str(many), "--output", str(output)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 130
    n_kept = len(list(read_journal(output)))
    said = flatten(result)
    assert f"{n_kept} asked" in said and "Start the command again" in said
    assert f"{100 - n_kept} texts are left" in said
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert f"{100 - n_kept} asked, {n_kept} from before" in flatten(result)
