"""Configs checked key by key: what was got, what is allowed, and no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from spacy.util import load_config, registry
from thinc.api import Config, ConfigValidationError

from ..errors import Errors
from .kinds import (
    describe_kind,
    get_kinds,
    show_value,
    sort_by_likeness,
    takes_text,
)

# Keys that are shown where one has no section
N_EXAMPLES = 5
# What thinc says of an argument
UNKNOWN, MISSING = "unexpected argument", "missing required argument"

# Where it is wrong and what: thinc's format
Complaint = dict[str, Any]


class Section(BaseModel):
    """A section of a config: no other keys, no other types."""

    model_config = ConfigDict(extra="forbid", strict=True)


def load_checked(
    path: Path, overrides: dict[str, Any], sections: type[Section]
) -> Config:
    """Load a config and check it against its sections.

    path (Path): The config file.
    overrides (dict[str, Any]): Settings from the command line, keys with dots.
    sections (type[Section]): What the config has to hold.
    RETURNS (Config): The config, not interpolated.
    RAISES (ConfigValidationError): If a key is unknown, missing or of a wrong type.
    """
    try:
        config = load_config(path, overrides=overrides, interpolate=False)
    except ConfigValidationError as error:
        raise complain(path, list(explain_override(error, path))) from None
    plain = config.interpolate()
    try:
        sections.model_validate(plain)
    except ValidationError as error:
        raise complain(path, list(explain_sections(error, plain, sections))) from None
    return config


def fill_checked(path: Path, config: Config) -> None:
    """Check the arguments of a config's registered functions. Nothing is built.

    path (Path): The config file, for the message.
    config (Config): The config, interpolated.
    RAISES (ConfigValidationError): If an argument is unknown, missing or of a wrong
        type.
    """
    try:
        registry.fill(config)
    except ConfigValidationError as error:
        found = list(explain_arguments(error, config))
        raise complain(path, found or list(error.errors or ())) from None
    # thinc lets text pass where it reads like a number, and doesn't make one of it
    complaints = [
        make_wrong(f"{key}.{name}", block[name], describe_kind(kind))
        for key, block in iterate_blocks(config)
        for name, kind in get_kinds(block).items()
        if isinstance(block.get(name), str) and not takes_text(kind, block[name])
    ]
    if complaints:
        raise complain(path, complaints)


def complain(path: Path, complaints: list[Complaint]) -> ConfigValidationError:
    """Make one error of what is wrong with a config.

    path (Path): The config file.
    complaints (list[Complaint]): Where and what.
    RETURNS (ConfigValidationError): The error, to be raised.
    """
    title = f"Config error in {path}"
    return ConfigValidationError(errors=complaints, title=title, show_config=False)


def explain_sections(
    error: ValidationError, config: dict[str, Any], sections: type[BaseModel]
) -> Iterator[Complaint]:
    """Say what is wrong with the keys of a config's sections.

    error (ValidationError): What pydantic found.
    config (dict[str, Any]): The config, interpolated.
    sections (type[BaseModel]): What the config has to hold.
    YIELDS (dict[str, Any]): Where and what, once for each key.
    """
    seen = set()
    for found in error.errors():
        model, block, names = sections, config, [str(name) for name in found["loc"]]
        path: list[str] = []
        while len(names) > 1 and (inner := _get_section(model, names[0])) is not None:
            path.append(names.pop(0))
            model, block = inner, block[path[-1]]
        # What follows says which of a setting's types was tried
        name, section = names[0], ".".join(path)
        if (section, name) in seen:
            continue
        seen.add((section, name))
        key, field = ".".join([*path, name]), model.model_fields.get(name)
        if field is None:
            yield make_unknown(key, block[name], list(model.model_fields))
            continue
        allowed = describe_kind(field.annotation, field.metadata)
        is_there = name in block
        yield (
            make_wrong(key, block[name], allowed)
            if is_there
            else make_missing(key, allowed)
        )


def explain_arguments(
    error: ConfigValidationError, config: Config
) -> Iterator[Complaint]:
    """Say what is wrong with the arguments of registered functions.

    error (ConfigValidationError): What thinc found: the names of the first sections are
        not in it.
    config (Config): The config, interpolated.
    YIELDS (dict[str, Any]): Where and what.
    """
    blocks = dict(iterate_blocks(config))
    for found in error.errors or ():
        block_name, name = ".".join(found["loc"][:-1]), str(found["loc"][-1])
        fitting = [k for k in blocks if f".{k}".endswith(f".{block_name}")]
        if not block_name or not fitting:
            yield dict(found)
            continue
        block, key = blocks[fitting[0]], f"{fitting[0]}.{name}"
        kinds = get_kinds(block)
        if name not in kinds and UNKNOWN in found["msg"]:
            yield make_unknown(key, block.get(name), list(kinds))
        elif MISSING in found["msg"]:
            yield make_missing(key, describe_kind(kinds.get(name)))
        elif name in kinds:
            yield make_wrong(key, block.get(name), describe_kind(kinds[name]))
        else:
            yield {"loc": [key], "msg": found["msg"]}


def explain_override(error: ConfigValidationError, path: Path) -> Iterator[Complaint]:
    """Say what is wrong with settings from the command line.

    error (ConfigValidationError): What spaCy found.
    path (Path): The config file.
    YIELDS (dict[str, Any]): Where and what.
    """
    sections = list_sections(load_config(path, interpolate=False))
    known = list(sections)
    for found in error.errors or ():
        *parents, name = (str(part) for part in found["loc"])
        section = ".".join(parents)
        if not section:
            keys = [f"{s}.{key}" for s, block in sections.items() for key in block]
            nearest = ", ".join(sort_by_likeness(keys, name)[:N_EXAMPLES])
            yield {"loc": [name], "msg": Errors.N393.format(allowed=nearest)}
            continue
        if section in known:
            yield dict(found)
            continue
        nearest = ", ".join(f"[{key}]" for key in sort_by_likeness(known, section))
        message = Errors.N392.format(section=section, allowed=nearest)
        yield {"loc": [f"{section}.{name}"], "msg": message}


def name_section(key: str) -> str:
    """Name the section that a key is in.

    key (str): The key, with dots.
    RETURNS (str): The section, in brackets; the config itself for a section.
    """
    section = key.rpartition(".")[0]
    return f"[{section}]" if section else "the config"


def make_unknown(key: str, got: Any, known: list[str]) -> Complaint:
    """Complain about a key that nobody reads.

    key (str): The key, with dots.
    got (Any): Its value.
    known (list[str]): The keys of its section.
    RETURNS (dict[str, Any]): Where and what.
    """
    name = key.rpartition(".")[2]
    at = {
        "section": name_section(key),
        "allowed": ", ".join(sort_by_likeness(known, name)),
    }
    return {"loc": [key], "msg": Errors.N389.format(got=show_value(got), **at)}


def make_wrong(key: str, got: Any, allowed: str) -> Complaint:
    """Complain about a value.

    key (str): The key, with dots.
    got (Any): Its value.
    allowed (str): What is allowed.
    RETURNS (dict[str, Any]): Where and what.
    """
    at = {"section": name_section(key), "allowed": allowed}
    return {"loc": [key], "msg": Errors.N390.format(got=show_value(got), **at)}


def make_missing(key: str, allowed: str) -> Complaint:
    """Complain about a key that isn't there.

    key (str): The key, with dots.
    allowed (str): What is allowed.
    RETURNS (dict[str, Any]): Where and what.
    """
    message = Errors.N391.format(section=name_section(key), allowed=allowed)
    return {"loc": [key], "msg": message}


def iterate_blocks(
    section: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Find the blocks that name a registered function.

    section (dict[str, Any]): A config or a section of it.
    prefix (str): Name of the section.
    YIELDS (tuple[str, dict[str, Any]]): The block's name, with dots, and the block.
    """
    for key, block in list_sections(section, prefix).items():
        if any(name.startswith("@") for name in block):
            yield key, block


def list_sections(section: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """List all sections of a config.

    section (dict[str, Any]): A config or a section of it.
    prefix (str): Name of the section.
    RETURNS (dict[str, Any]): Name, with dots, to section.
    """
    found: dict[str, Any] = {}
    for name, value in section.items():
        if isinstance(value, dict):
            key = f"{prefix}.{name}" if prefix else name
            found |= {key: value} | list_sections(value, key)
    return found


def _get_section(model: type[BaseModel], name: str) -> Any:
    field = model.model_fields.get(name)
    kind = None if field is None else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
