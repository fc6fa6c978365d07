import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spacy_nuner.cli.main import app


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["debug", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, re.sub(r"\x1b\[[0-9;]*m", "", result.output)


def write(path: Path, *sentences: tuple[str, list[list[Any]]]) -> Path:
    records = [{"text": text, "entities": spans} for text, spans in sentences]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


GOOD = [(f"oil {i} is low", [[0, 3, "PART"]]) for i in range(6)]


def test_good_data(tmp_path: Path) -> None:
    code, output = run(write(tmp_path / "a.jsonl", *GOOD))
    assert code == 0, output
    assert "6 sentences, 6 of them with entities; 6 entities" in output
    assert re.search(r"PART +6 +6", output) and "No errors" in output


def test_warnings_give_no_exit_code(tmp_path: Path) -> None:
    rare = ("Clark is in", [[0, 6, "MACHINE"]])
    code, output = run(write(tmp_path / "a.jsonl", *GOOD, rare, GOOD[0]))
    assert code == 0, output
    assert "Labels with fewer than 5 entities: 1" in output
    assert "MACHINE: 1" in output and "white space at an edge: 1" in output
    assert "line 8: as" in output


def test_errors_give_the_exit_code(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *GOOD, *[("oils", [[0, 3, "PART"]])] * 4)
    with path.open("a") as file:
        file.write('{"text": "x"}\n')
    test = write(tmp_path / "test.jsonl", GOOD[0])
    code, output = run(path, "--test", test, "--show", 2)
    assert code == 1
    assert "line 11: record without annotation" in output
    assert "within a word: 4" in output and "… and 2 more (--show)" in output
    assert "that are in the training data: 1" in output
    assert "3 kinds of errors" in output


def test_window_of_the_encoder(tmp_path: Path, tiny_encoder: Path) -> None:
    path = write(tmp_path / "a.jsonl", *GOOD, ("oil is low " * 200, [[0, 3, "PART"]]))
    code, output = run(path, "--encoder", tiny_encoder)
    assert code == 0, output
    assert "longer than the encoder's window, encoded in parts: 1" in output


@pytest.mark.parametrize("args", [("gone.jsonl",), ("gone", "--format", "brat")])
def test_what_cannot_be_done_at_all(args: tuple[str, ...]) -> None:
    code, output = run(*args)
    assert code == 1
    assert re.search(r"N001|N209", output)
