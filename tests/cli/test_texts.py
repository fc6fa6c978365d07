import json
import os
import re
import subprocess
import sys
from pathlib import Path

import typer
from typer.testing import CliRunner

from spacy_nuner.cli.main import app as whole_app
from spacy_nuner.cli.texts import texts
from spacy_nuner.corpus.sources import read_texts

from ..corpus.texts.server import serve

app = typer.Typer()
app.command()(texts)


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, clean(result.output)


def clean(output: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", " ".join(output.split()))


def write(path: Path, *documents: str) -> Path:
    lines = (json.dumps({"text": text}) + "\n" for text in documents)
    path.write_text("".join(lines), encoding="utf8")
    return path


DOCUMENT = (
    "The mayor of Lyon said on Monday that the bridge would be closed.\n"
    "The secret committee of Brest met nine times in the year of the war.\n"
    "This website uses cookies to be of better use to you."
)


def test_command_is_known() -> None:
    names = [command.name for command in whole_app.registered_commands]
    assert names.index("texts") < names.index("annotate")


def test_texts(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", DOCUMENT, DOCUMENT)
    secret = "the secret committee of brest met nine times ."
    protect = write(tmp_path / "test.jsonl", secret)
    out = tmp_path / "texts.jsonl"
    code, output = run(source, "-o", out, "--protect", protect)
    assert code == 0, output
    assert "6 sentences in 2 documents, 2 passed, 0 not drawn" in output
    assert "Left out: 2 boilerplate, 1 duplicates" in output
    assert "test data have them: 2 test.jsonl" in output
    assert "1 sentences are in" in output
    assert [text.text for text in read_texts(out)] == [DOCUMENT.split("\n")[0]]


def test_bad_lines(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", DOCUMENT, "")
    code, output = run(source, "-o", tmp_path / "t.jsonl")
    assert code == 1
    assert "N003" in output and "line 2: record without text" in output
    code, output = run(source, "-o", tmp_path / "t.jsonl", "--skip-bad")
    assert code == 0, output
    assert "1 documents could not be read" in output


def test_wrong_options(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", DOCUMENT)
    for options, said in {
        ("--without", "x"): "N255",
        ("--paragraphs", "page"): "blank or line",
        ("--pipeline", "none_such"): "N254",
    }.items():
        code, output = run(source, "-o", tmp_path / "t.jsonl", *options)
        assert code == 1 and said in output


def test_hub_by_its_environment_variable(tmp_path: Path) -> None:
    """As a user of a mirror does it, in a process of its own."""
    shard = write(tmp_path / "a.jsonl", DOCUMENT).read_bytes()
    out = tmp_path / "t.jsonl"
    with serve({"me/mine/a.jsonl": shard}) as server:
        env = dict(os.environ, HF_ENDPOINT=server.url, HF_HOME=str(tmp_path / "home"))
        env |= {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
        address = f"hub://me/mine/a.jsonl?revision={'b' * 40}"
        options = ["-o", str(out), "--min-language", "0", "--near", "0"]
        command = [sys.executable, "-m", "spacy_nuner", "texts", address, *options]
        result = subprocess.run(command, env=env, capture_output=True, text=True)
        assert server.log
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 sentences are in" in clean(result.stdout)
    assert len(list(read_texts(out))) == 2
