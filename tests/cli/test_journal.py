"""`spacy-nuner journal`, as a user types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.cli.main import app
from tests.annotate.journal.test_store import make_record

CONFIG = Path(__file__).parent.parent.parent / "configs" / "tiny" / "annotate.cfg"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["journal", *map(str, arguments)])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "replies.sqlite"
    model = "spacy-nuner.Recorded.v1"
    with Journal(path) as journal:
        for i in range(3):
            usage = {"prompt_tokens": 500_000, "completion_tokens": 1000}
            journal.put(make_record(str(i), number=i, model=model, **usage))
        journal.put(make_record("f", None, number=3, model=model))
        journal.put(make_record("g", model="another"))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "annotate.cfg"
    prices = '\n[prices]\ninput = 2.0\noutput = 1.0\ncurrency = "EUR"\n'
    path.write_text(CONFIG.read_text(encoding="utf8") + prices, encoding="utf8")
    return path


def test_status(journal: Path, config: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "In Paris…"}\n' * 10, encoding="utf8")
    result = run("status", journal, "--config", config, "--texts", texts)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for part in ("Done 3", "Failed 1", "Tokens in 1,500,000", "Money 3.00 EUR"):
        assert part in said
    assert "7 of 10 texts are left" in said and "1 failed: HTTP 500" in said
    assert said.count("Money") == 1


def test_status_as_json(journal: Path, config: Path) -> None:
    result = run("status", journal, "--config", config, "--json")
    found = json.loads(result.output)
    assert found["n_done"] == 4 and found["n_failed"] == 1
    assert found["models"][0]["usage"]["prompt_tokens"] == 1_500_000
    assert found["models"][0]["price"] == pytest.approx(3.003)
    assert found["models"][1]["price"] is None
    assert found["reasons"] == [["HTTP 500", 1]]


def test_status_of_an_empty_journal(tmp_path: Path) -> None:
    Journal(tmp_path / "new.sqlite").close()
    result = run("status", tmp_path / "new.sqlite")
    assert result.exit_code == 0 and "is empty" in " ".join(result.output.split())


def test_export_and_import(journal: Path, tmp_path: Path) -> None:
    exported, copy = tmp_path / "replies.jsonl", tmp_path / "copy.sqlite"
    result = run("export", journal, exported)
    assert result.exit_code == 0 and "4 replies" in result.output
    result = run("import", exported, "--output", copy)
    assert "4 replies, 4 of them new" in " ".join(result.output.split())
    result = run("import", exported, "--output", copy)
    assert result.exit_code == 0
    assert "4 replies, 0 of them new" in " ".join(result.output.split())


@pytest.mark.parametrize("command", ["status", "export", "import"])
def test_faults_are_told(command: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("{oops\n", encoding="utf8")
    extra = {"export": [tmp_path / "out"], "import": ["--output", tmp_path / "j"]}
    result = run(command, file, *extra.get(command, []))
    assert result.exit_code == 1
    assert "bad.jsonl" in result.output
    assert ("N003" if command == "import" else "N140") in result.output
