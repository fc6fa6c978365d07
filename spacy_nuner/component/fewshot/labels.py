"""Labels of a few-shot pipeline and what they are called in plain words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import srsly

from ...errors import Errors
from ..label_names import read_label_names

Names = dict[str, list[str]]  # label -> phrases


def read_labels(given: str | None, found: Mapping[str, int]) -> Names:
    """Read `--labels`.

    given (str | None): A YAML file like `assets/labels/*.yml`; or a list with commas,
        "PER=person|first name,LOC=place", where a label without "=" is called by its
        own name; None: the labels of the data, called by their names.
    found (Mapping[str, int]): The labels of the data.
    RETURNS (Names): Phrases of each label: those given in their order, all of them.
    RAISES (ValueError): If they cannot be read, or lack a label of the data.
    """
    if given is None:
        return read_label_names(None, sorted(found))
    names = _read_file(Path(given)) if _is_file(given) else _read_list(given)
    unknown = sorted(set(found) - set(names))
    if unknown:
        raise ValueError(
            Errors.N433.format(unknown=", ".join(unknown), given=", ".join(names))
        )
    return names


def _is_file(given: str) -> bool:
    path = Path(given)
    return path.suffix in (".yml", ".yaml", ".json") or path.is_file()


def _read_file(path: Path) -> Names:
    if not path.is_file():
        raise ValueError(Errors.N001.format(what="label file", path=path))
    try:
        # JSON is YAML
        content: Any = srsly.read_yaml(path)
    except ValueError as error:
        raise ValueError(Errors.N434.format(got=path, problem=error)) from None
    if isinstance(content, list) and all(isinstance(x, str) and x for x in content):
        return read_label_names(None, content)
    if not isinstance(content, Mapping) or not content:
        problem = "it holds no labels"
        raise ValueError(Errors.N434.format(got=path, problem=problem))
    return read_label_names(path, list(content))


def _read_list(given: str) -> Names:
    names: Names = {}
    for part in given.split(","):
        label, equals, phrases = (piece.strip() for piece in part.partition("="))
        listed = [phrase.strip() for phrase in phrases.split("|")]
        if not label or label in names or (equals and not all(listed)):
            problem = f"'{part.strip()}' is no label, or there twice"
            raise ValueError(Errors.N434.format(got=given, problem=problem))
        names[label] = listed if equals else read_label_names(None, [label])[label]
    return names
