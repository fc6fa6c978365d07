"""`project.yml`: its steps are there and call commands as they are."""

from pathlib import Path
from typing import Any

import pytest
import srsly
import typer.main

from spacy_nuner.cli.main import app

ROOT = Path(__file__).parent.parent.parent
PROJECT = srsly.read_yaml(ROOT / "project.yml")
STEPS = {command["name"]: command for command in PROJECT["commands"]}
CALL = "python -m spacy_nuner "


def list_calls() -> list[Any]:
    return [
        pytest.param(line.removeprefix(CALL).split(), id=f"{name}-{i}")
        for name, step in STEPS.items()
        for i, line in enumerate(step["script"])
        if line.startswith(CALL)
    ]


def test_workflows_are_of_steps_that_are_there() -> None:
    for name, steps in PROJECT["workflows"].items():
        assert set(steps) <= set(STEPS), name


def test_every_table_has_a_step() -> None:
    steps = PROJECT["workflows"]["paper-tables"]
    text = " ".join(STEPS[name]["help"] for name in steps)
    for words in ("Table 1", "Tables 2, 8 and 9", "Table 3", "Tables 4", "Tables 10"):
        assert words in text
    assert steps.index("words") < steps.index("tables") < steps.index("report")
    assert "--sampler words" in STEPS["words"]["script"][0]
    assert "--sets-from words" in STEPS["words"]["script"][1]


@pytest.mark.parametrize("call", list_calls())
def test_options_are_those_of_the_command(call: list[str]) -> None:
    command = typer.main.get_command(app).commands[call[0]]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in parameter.opts}
    options = {word for word in call if word.startswith("--")}
    # With a dot: a setting of the config
    assert {option for option in options if "." not in option} <= known
    variables = {word for word in call if "${vars." in word}
    for word in variables:
        name = word.partition("${vars.")[2].partition("}")[0]
        assert name in PROJECT["vars"]
