"""Label files: `assets/labels/<dataset>.yml`, label -> name, definition, phrases."""

from pathlib import Path
from typing import Any, NamedTuple

import srsly

from ..errors import Errors

FIELDS = {"name", "definition"}
PHRASES = "phrases"


class Label(NamedTuple):
    """An entity type in words."""

    name: str  # what the concept encoder is given: "restaurant name"
    definition: str  # what an LLM is given
    phrases: tuple[str, ...] = ()  # more names, for the concept encoder


def read_labels(path: str | Path) -> dict[str, Label]:
    """Read a label file.

    path (str | Path): YAML, `LABEL: {name: "plain words", definition: "..."}`; beside
        them there may be `phrases: ["other words", ...]`.
    RETURNS (dict[str, Label]): in the order of the file.
    RAISES (ValueError): if the file holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="label file", path=path))
    try:
        content = srsly.read_yaml(path)
    except ValueError as error:
        raise ValueError(Errors.N210.format(path=path, got=error)) from error
    if not isinstance(content, dict) or not content:
        raise ValueError(Errors.N210.format(path=path, got=content))
    labels = {}
    for label, fields in content.items():
        if not (isinstance(label, str) and _is_valid(fields)):
            raise ValueError(Errors.N210.format(path=path, got={label: fields}))
        phrases = tuple(fields.get(PHRASES, ()))
        labels[label] = Label(fields["name"], fields["definition"], phrases)
    return labels


def _is_valid(fields: Any) -> bool:
    if not isinstance(fields, dict) or fields.keys() - {PHRASES} != FIELDS:
        return False
    phrases = fields.get(PHRASES, [])
    if not isinstance(phrases, list):
        return False
    texts = [fields["name"], fields["definition"], *phrases]
    return all(isinstance(text, str) and text.strip() for text in texts)
