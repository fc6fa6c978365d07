"""Label files: `assets/labels/<dataset>.yml`, label -> name and definition."""

from pathlib import Path
from typing import NamedTuple

import srsly

from ..errors import Errors

FIELDS = {"name", "definition"}


class Label(NamedTuple):
    """An entity type in words."""

    name: str  # what the concept encoder is given: "restaurant name"
    definition: str  # what an LLM is given


def read_labels(path: str | Path) -> dict[str, Label]:
    """Read a label file.

    path (str | Path): YAML, `LABEL: {name: "plain words", definition: "..."}`.
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
        is_valid = (
            isinstance(label, str)
            and isinstance(fields, dict)
            and fields.keys() == FIELDS
            and all(isinstance(v, str) and v.strip() for v in fields.values())
        )
        if not is_valid:
            raise ValueError(Errors.N210.format(path=path, got={label: fields}))
        labels[label] = Label(**fields)
    return labels
