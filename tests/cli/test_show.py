"""The terminal shows control characters of others, it doesn't get them."""

import json
import logging
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_nuner.cli.main import app
from spacy_nuner.cli.show import PlainFormatter, PlainPrinter, say

from ..hostile import NAMES, TEXTS

# colours of wasabi's own and line breaks apart
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def without_colours(output: str) -> str:
    return re.sub(r"\x1b\[(?:38;5;)?[0-9;]*m", "", output)


def test_debug_shows_what_is_in_the_data(tmp_path: Path) -> None:
    lines = [
        {"text": text, "entities": [[0, len(text.split()[0]), label]]}
        for text, label in zip(TEXTS.values(), NAMES * 2, strict=True)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *lines]))
    result = CliRunner().invoke(app, ["debug", str(path), "--show", "50"])
    assert "red\\x1b[31m\\x07\\x00\\x9b2J" in result.output
    assert not STEERS.search(without_colours(result.output))


def test_error_shows_what_a_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31mreplies.jsonl"
    path.write_text('{"text": "\\u001b[2J"}\n')
    result = CliRunner().invoke(app, ["corpus", str(path), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "\\x1b[31mreplies" in result.output
    assert not STEERS.search(without_colours(result.output))


def test_commands_print_through_show() -> None:
    folder = Path(__file__).parents[2] / "spacy_nuner" / "cli"
    for path in folder.glob("*.py"):
        code = path.read_text(encoding="utf8")
        if path.name not in ("show.py", "main.py"):
            # JSON is ASCII
            code = code.replace("typer.echo(json.dumps(found.to_dict()))", "")
            assert "wasabi import" not in code and "typer.echo(" not in code, path


@pytest.mark.parametrize("name", NAMES)
def test_every_way_to_the_terminal(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printer = PlainPrinter()
    printer.good(name, name)
    printer.warn(name)
    printer.divider(name)
    printer.table([(name, 1)], header=(name, "n"))
    printer.table({name: name})
    say(name)
    record = logging.LogRecord("x", 20, "x.py", 1, "%s", (name,), None)
    output = capsys.readouterr().out + PlainFormatter("%(message)s").format(record)
    assert not STEERS.search(without_colours(output))
