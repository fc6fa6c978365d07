"""Types of settings, in words."""

import inspect
import json
import types
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from spacy.util import registry

# Longer values are cut in messages
MAX_SHOWN = 60
WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    types.NoneType: "null",
    dict: "a section of its own",
    Any: "what the function takes",
}


def describe_kind(kind: Any, bounds: list[Any] | tuple[Any, ...] = ()) -> str:
    """Say what a setting may be.

    kind (Any): Its type.
    bounds (list[Any]): What pydantic knows of its bounds.
    RETURNS (str): In words.
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return describe_kind(args[0], args[1:])
    if origin is Literal:
        return " or ".join(show_value(value) for value in args)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_kind(arg, bounds) for arg in args)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return WORDS[dict]
    is_amount = kind in (int, float)
    words = WORDS.get(kind) or WORDS.get(origin) or str(kind)
    return f"{words} {describe_bounds(bounds)}".rstrip() if is_amount else words


def describe_bounds(bounds: list[Any] | tuple[Any, ...]) -> str:
    """Say between which numbers a setting is.

    bounds (list[Any]): What pydantic knows of its bounds.
    RETURNS (str): In words; empty: there are none.
    """
    known = {
        side: getattr(bound, side)
        for bound in bounds
        for side in ("gt", "ge", "lt", "le")
        if getattr(bound, side, None) is not None
    }
    start = [f"above {known['gt']}"] if "gt" in known else []
    start += [f"from {known['ge']}"] if "ge" in known else []
    end = [f"to {known['le']}"] if "le" in known else []
    end += [f"to below {known['lt']}"] if "lt" in known else []
    if "ge" in known and not end:
        end = ["up"]
    return " ".join(start + end)


def takes_text(kind: Any, text: str) -> bool:
    """Tell whether a setting may be a certain text.

    kind (Any): Its type.
    text (str): The text.
    RETURNS (bool): Whether it may. Where nothing is known of a type, it may.
    """
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return text in args
    if origin in (Union, types.UnionType):
        return any(takes_text(arg, text) for arg in args)
    return kind not in (int, float, bool, types.NoneType)


def get_kinds(block: dict[str, Any]) -> dict[str, Any]:
    """Get the arguments of the registered function that a block names.

    block (dict[str, Any]): The block.
    RETURNS (dict[str, Any]): Name to type.
    """
    key = next(key for key in block if key.startswith("@"))
    function: Callable[..., Any] = registry.get(key[1:], block[key])
    try:
        hints = get_type_hints(function)
    except NameError:
        # Types that are only there for a type checker
        hints = {}
    names = inspect.signature(function).parameters
    return {name: hints.get(name, Any) for name in names}


def show_value(value: Any) -> str:
    """Write a value as a config has it.

    value (Any): The value.
    RETURNS (str): The value, cut if it is long.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def sort_by_likeness(names: list[str], name: str) -> list[str]:
    """Sort names by how much they look like another one.

    names (list[str]): The names.
    name (str): The other one.
    RETURNS (list[str]): The most similar first.
    """
    return sorted(names, key=lambda n: -SequenceMatcher(None, name, n).ratio())
