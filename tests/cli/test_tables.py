"""`spacy-nuner tables`: what it prints, writes, and refuses."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

from .test_report import write_cells


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with cells and tables of an earlier run."""
    write_cells(tmp_path / "metrics")
    (tmp_path / "reports").mkdir()
    for name in ("tables.md", "tables.json"):
        (tmp_path / "reports" / name).write_text("earlier")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reports"


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["tables", *(str(arg) for arg in args)])


def is_as_before(folder: Path) -> bool:
    return all(
        (folder / name).read_text() == "earlier"
        for name in ("tables.md", "tables.json")
    )


def test_all_tables_are_written(here: Path) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert "Table 3: Transfer learning" in result.output
    content = json.loads((here / "tables.json").read_text())
    assert [table["number"] for table in content["tables"]] == [
        str(number) for number in range(1, 12)
    ]
    assert "# The paper's tables" in (here / "tables.md").read_text()


def test_some_tables_are_shown_and_do_not_replace_all(here: Path) -> None:
    result = run("3")
    assert result.exit_code == 0, result.output
    assert "Table 3: Transfer learning" in result.output
    assert "Table 2" not in result.output
    assert is_as_before(here)
    result = run("3", "--output", here.parent / "three", "--quiet")
    assert "Transfer" not in result.output
    content = json.loads((here.parent / "three" / "tables.json").read_text())
    assert [table["number"] for table in content["tables"]] == ["3"]
    assert is_as_before(here)


def test_a_table_without_any_cell_says_what_makes_it(here: Path) -> None:
    result = run("4")
    assert result.exit_code == 0, result.output
    assert "0 of 1 tables have figures of ours" in result.output
    assert "--only text" in result.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--metrics", "mertics"], "N001"),
        (["--metrics", "reports"], "N621"),
        (["12"], "N620"),
    ],
)
def test_nothing_is_written_over_after_an_error(
    here: Path, arguments: list[str], code: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert code in result.output
    assert is_as_before(here)
