"""Settings that variants change: what no step would take is said before all steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from thinc.api import Config

from spacy_nuner.experiments.config import Variant, read_experiments
from spacy_nuner.experiments.plan import make_jobs
from spacy_nuner.experiments.run import Runner
from spacy_nuner.experiments.settings import (
    check_argument,
    find_problems,
    list_arguments,
    read_config,
)

CONFIGS = Path(__file__).parents[2] / "configs" / "tiny"


def plan(project: Path, check: Callable[[Variant], object] | None = None) -> list[str]:
    content = read_experiments(project / "experiments.cfg")
    jobs = make_jobs(content, lambda key: True, check=check)
    runner = Runner(jobs, content, minutes=0, should_stop=lambda: False)
    assert len(runner.list_times()) == len(jobs)
    return [job.variant.label for job in jobs]


def add(project: Path, *lines: str) -> None:
    path = project / "experiments.cfg"
    path.write_text("\n".join([path.read_text().rstrip(), *lines]) + "\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "pretrain.model.biass = 1.0",
            "'pretrain.model.biass = 1.0' can't be set in 'pretrain.cfg': the config "
            "has no such setting (did you mean bias?). Beside it stand: bias",
        ),
        ("pretrain.modl.bias = 1.0", "no section 'pretrain.modl' (did you mean pret"),
        ("pretrain.max_epochs = [1]", "it is a list, and the config has a number: 2"),
        ("pretrain.max_epochs = true", "it is true or false, and the config has a nu"),
        ('pretrain.max_epochs = "many"', "it is a text, and the config has a number"),
        ("fewshot.training.max_step = 9", "(did you mean max_steps or max_epochs?)"),
        ("fewshot.training.max_steps = true", "'fewshot.training.max_steps = True'"),
        ("pretrain.max_epochs = {}", "it is a block"),
    ],
)
def test_what_can_not_be_set_is_named(project: Path, line: str, said: str) -> None:
    add(project, line)
    with pytest.raises(ValueError, match="N705") as error:
        plan(project)
    assert said in str(error.value)
    assert "[ablations.bias.none]" in str(error.value)
    assert not (project / "work").exists()


def test_all_that_is_wrong_is_said_at_once(project: Path) -> None:
    add(project, "pretrain.biass = 1.0", "[ablations.bias.third]", "system.seed = 1")
    with pytest.raises(ValueError, match="N705") as error:
        plan(project)
    one, other = str(error.value).splitlines()
    assert "[ablations.bias.none]" in one
    assert "[ablations.bias.third]" in other and "no section 'system'" in other


@pytest.mark.parametrize(
    "line",
    [
        "pretrain.max_epochs = 3",
        # As a command reads it
        'pretrain.max_epochs = "3"',
        # spaCy has it if the config has not
        "fewshot.training.patience = 3",
    ],
)
def test_what_can_be_set_is_let_through(project: Path, line: str) -> None:
    add(project, line)
    assert "bias/none" in plan(project)


def test_a_missing_config_is_named(project: Path) -> None:
    (project / "fewshot.cfg").unlink()
    with pytest.raises(FileNotFoundError, match=r"N001.*config 'fewshot\.cfg'"):
        plan(project)


def test_what_the_steps_say_names_the_block(project: Path) -> None:
    def check(variant: Variant) -> None:
        if variant.recipe.system == "nuner_concept_start":
            raise ValueError("no such system.")
        if variant.name == "20":
            raise KeyError("components")

    with pytest.raises(ValueError, match="N706") as error:
        plan(project, check)
    one, other = str(error.value).splitlines()
    assert "[ablations.size.20]" in one and "a config has no 'components'" in one
    assert "[ablations.start.concept]" in other and "no such system. Cor" in other


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("pretrain", "pretrain.model.poolin", "cls", "(did you mean pooling?)"),
        ("pretrain", "pretrain.model.pooling", "clss", "should be 'cls' or 'mean'"),
        ("pretrain", "pretrain.model.bias", "log_odds", ""),
        ("pretrain", "pretrain.model.bias", "log_odd", "should be 'log_odds'"),
        ("pretrain", "pretrain.model.n_frozen_layers", 1.5, "a valid integer"),
        ("pretrain", "pretrain.model.n_frozen_layers", True, "a valid integer"),
        ("pretrain", "pretrain.model.learn_bias", "no", "a valid boolean"),
        ("pretrain", "pretrain.model.encoder", "${paths.dev}", ""),
        ("pretrain", "pretrain.model.@architectures", "spaCy.v1", "is registered"),
        ("fewshot_frozen", "components.nuner.keep_trf_data", True, ""),
        ("fewshot_frozen", "components.nuner.none_bia", 1, "mean none_bias?"),
        ("fewshot_frozen", "components.nuner.none_bias", "high", "a valid number"),
        ("fewshot_frozen", "components.nuner.factory", "nune", "mean nuner"),
        ("fewshot_frozen", "components.transformer.model.layers", [-1], ""),
        ("fewshot_frozen", "components.transformer.model.name", "encoder", ""),
        ("fewshot_frozen", "components.transformer.name", "t", "no such setting"),
        ("fewshot_frozen", "components.transformer.model.layers", -1, "valid list"),
        # Types of thinc's own, which pydantic can't check
        ("fewshot_frozen", "training.optimizer.learn_rate", 0.1, ""),
    ],
)
def test_arguments_of_registered_functions(
    name: str, key: str, value: Any, said: str
) -> None:
    config = read_config(CONFIGS / f"{name}.cfg")
    found = list(find_problems(config, {key: value}))
    assert len(found) == bool(said)
    assert all(said in problem for _, _, problem in found)


def test_another_function_has_other_arguments() -> None:
    config = Config().from_str('[rate]\n@schedules = "warmup_linear.v1"\n')
    constant = {"rate.@schedules": "constant.v1", "rate.rate": 0.1}
    assert not list(find_problems(config, constant))
    ((key, _, problem),) = find_problems(config, {"rate.rate": 0.1})
    assert key == "rate.rate"
    assert "'warmup_linear.v1' has no such setting. It has: init" in problem


def test_functions_that_take_anything_are_not_checked() -> None:
    def anything(one: int, **others: int) -> None:
        del one, others

    def something(one: "int", two=None) -> None:  # type: ignore[no-untyped-def]
        del one, two

    assert list_arguments(anything) is None
    arguments = list_arguments(something)
    assert arguments is not None and arguments["one"] is int
    assert check_argument("two", "any", "it", arguments) == ""
    assert "valid integer" in check_argument("one", "a", "it", arguments)
