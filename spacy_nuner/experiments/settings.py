"""Check the settings that variants change, before the first of them is run.

A training in the middle of the night would else be the first to read them. A block of
a config that names a registered function is held against that function's arguments,
any other against what the config has.
"""

import difflib
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import spacy
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from spacy.language import DEFAULT_CONFIG
from spacy.util import registry
from thinc.api import Config, ConfigValidationError

from ..errors import Errors
from .config import FEWSHOT, Ablation, Experiments, Variant

Check = Callable[[Variant], object]
# Given by spaCy, and not by the config
GIVEN: Final = {"self", "nlp", "get_examples"}
INITIALIZE: Final = "initialize.components."
N_NEAR: Final = 3
_ANY: Final = inspect.Parameter.empty


def check_variants(
    experiments: Experiments, ablations: Iterable[Ablation], check: Check | None = None
) -> None:
    """Check what each variant changes in the configs.

    experiments (Experiments): For the paths of the configs.
    ablations (Iterable[Ablation]): Those that are wanted.
    check (Check | None): Raises a ValueError for a variant whose configs, changed, no
        step would take; asked where the keys are right.
    RAISES (ValueError): With all that is wrong, one line for each.
    RAISES (FileNotFoundError): If a config is not there.
    """
    paths = Path(experiments.paths.pretrain), Path(experiments.paths.fewshot)
    configs = [read_config(path) for path in paths]
    problems: list[str] = []
    for variant in (v for ablation in ablations for v in ablation.variants):
        place = f"[ablations.{variant.ablation}.{variant.name}]"
        found = [
            Errors.N705.format(
                place=place, key=prefix + key, value=value, path=path, problem=problem
            )
            for path, config, changes, prefix in zip(
                paths,
                configs,
                (variant.pretrain, variant.fewshot),
                ("", FEWSHOT),
                strict=True,
            )
            for key, value, problem in find_problems(config, changes)
        ]
        if not found and check is not None:
            try:
                check(variant)
            except (ValueError, KeyError) as error:
                found = [
                    Errors.N706.format(place=place, problem=_say(error).rstrip("."))
                ]
        problems += found
    if problems:
        raise ValueError("\n".join(problems))


def read_config(path: Path) -> Config:
    """RETURNS (Config): The config, variables not filled in."""
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="config", path=path))
    return Config().from_disk(path, interpolate=False)


def find_problems(
    config: Config, changes: Mapping[str, Any]
) -> Iterator[tuple[str, Any, str]]:
    """Find the settings that a config does not take.

    config (Config): The config, variables not filled in.
    changes (Mapping[str, Any]): Settings to change, keys with dots.
    YIELDS (tuple[str, Any, str]): Key, value, and what is wrong with it.
    """
    changed: dict[str, Any] = deepcopy(dict(config))
    values = {key: _as_read(value) for key, value in changes.items()}
    for key, value in values.items():
        section, _, option = key.rpartition(".")
        block = _find(changed, section)
        if block is not None:
            block[option] = value
    for key, value in values.items():
        section, _, option = key.rpartition(".")
        before, block = _find(config, section), _find(changed, section)
        if before is None or block is None:
            near = _say_near(section, _list_sections(config))
            yield key, value, f"the config has no section '{section}'{near}"
            continue
        function, parameters = _get_parameters(block)
        if function == option:
            problem = _check_name(option, value)
        elif parameters is not None:
            problem = check_argument(option, value, block[function], parameters)
        elif section.startswith(INITIALIZE):
            # Arguments of the pipe's own method: only `check` can know them
            problem = ""
        else:
            default = _find(DEFAULT_CONFIG, section) or {}
            problem = _check_plain(option, value, {**default, **before})
        if problem:
            yield key, value, problem


def _as_read(value: Any) -> Any:
    """What a command makes of a value that it gets as a text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _find(config: Mapping[str, Any], section: str) -> dict[str, Any] | None:
    block: Any = config
    for name in section.split("."):
        block = block.get(name) if isinstance(block, dict) else None
    return block if isinstance(block, dict) else None


def _list_sections(block: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in block.items():
        if isinstance(value, dict):
            yield prefix + name
            yield from _list_sections(value, f"{prefix}{name}.")


def _get_parameters(
    block: Mapping[str, Any],
) -> tuple[str, dict[str, Any] | None]:
    """The key that names a block's function, and the types of its arguments; None if
    they can't be told."""
    for key, name in block.items():
        kind = _get_kind(key)
        if not kind:
            continue
        if not (isinstance(name, str) and _has(kind, name)):
            return key, None
        arguments = list_arguments(registry.get(kind, name))
        if arguments is not None and key == "factory":
            # A pipe's name, which spaCy gives; a model may have a setting called so
            arguments.pop("name", None)
        return key, arguments
    return "", None


def _get_kind(key: str) -> str:
    """The registry that a key names something of; "" for any other key."""
    if key == "factory":
        return "factories"
    return key.removeprefix("@") if key.startswith("@") else ""


def _has(kind: str, name: str) -> bool:
    if kind == "factories" and not registry.has(kind, name):
        # The first pipeline imports the factories of all packages
        spacy.blank("xx")
    return registry.has(kind, name)


def list_arguments(function: Callable[..., Any]) -> dict[str, Any] | None:
    """List the arguments of a function with their types.

    function (Callable): The function.
    RETURNS (dict[str, Any] | None): Name to type; None if it takes any name.
    """
    signature = inspect.signature(function).parameters
    if any(p.kind == p.VAR_KEYWORD for p in signature.values()):
        return None
    types = {name: p.annotation for name, p in signature.items() if name not in GIVEN}
    if any(isinstance(annotation, str) for annotation in types.values()):
        try:
            hints = get_type_hints(function)
        except (NameError, TypeError):
            # Names that are imported for type checkers alone
            hints = {}
        types = {name: hints.get(name, _ANY) for name in types}
    return types


def _check_name(option: str, value: Any) -> str:
    kind = _get_kind(option)
    if isinstance(value, str) and _has(kind, value):
        return ""
    near = _say_near(str(value), getattr(registry, kind).get_all())
    return f"nothing of this name is registered{near}"


def check_argument(
    option: str, value: Any, name: str, parameters: Mapping[str, Any]
) -> str:
    """Check an argument of a function.

    option (str): Its name.
    value (Any): Its value.
    name (str): What the function is called, for the message.
    parameters (Mapping[str, Any]): From `list_arguments`.
    RETURNS (str): What is wrong; "" if nothing is.
    """
    if option not in parameters:
        near = _say_near(option, parameters)
        allowed = ", ".join(sorted(parameters))
        return f"'{name}' has no such setting{near}. It has: {allowed}"
    kind = parameters[option]
    if kind is _ANY or _is_variable(value) or _is_foreign(kind):
        return ""
    try:
        settings = ConfigDict(arbitrary_types_allowed=True)
        wanted: TypeAdapter[Any] = TypeAdapter(kind, config=settings)
        # A text may stand for a path; a number for nothing but a number
        numbers = isinstance(value, bool | int | float) or kind is bool
        wanted.validate_python(value, strict=numbers)
    except ValidationError as error:
        told = dict.fromkeys(e["msg"] for e in error.errors())
        return f"a wrong value for '{name}': {'; or '.join(told)}"
    except PydanticUserError:
        # A type that can't be checked by itself
        return ""
    return ""


def _is_foreign(kind: Any) -> bool:
    """Whether thinc's own types, which are pydantic 1's, are part of a type."""
    if hasattr(kind, "__get_validators__"):
        return True
    return any(_is_foreign(part) for part in get_args(kind))


def _check_plain(option: str, value: Any, block: Mapping[str, Any]) -> str:
    if option not in block:
        near = _say_near(option, block)
        return f"the config has no such setting{near}. Beside it stand: " + (
            ", ".join(sorted(block)) or "none"
        )
    before = block[option]
    if None in (before, value) or _is_variable(before) or _is_variable(value):
        return ""
    one, other = _name_kind(before), _name_kind(value)
    return "" if one == other else f"it is {other}, and the config has {one}: {before}"


def _is_variable(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _name_kind(value: Any) -> str:
    kinds: Sequence[tuple[type | tuple[type, ...], str]] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        ((list, tuple), "a list"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "a block")


def _say_near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=N_NEAR)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _say(error: ValueError | KeyError) -> str:
    """What is wrong, without the whole config behind it."""
    if isinstance(error, KeyError):
        return f"a config has no {error}"
    if not isinstance(error, ConfigValidationError):
        return str(error)
    lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors or ()]
    return "; ".join(lines) or str(error)
