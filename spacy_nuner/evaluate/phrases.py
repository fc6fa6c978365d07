"""What labels are called in plain words, for systems that are asked in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import srsly

from ..errors import Errors


class Phrase(NamedTuple):
    """What stands for a label in a question."""

    name: str
    definition: str = ""


def read_phrases(path: Path, labels: Sequence[str]) -> dict[str, Phrase]:
    """Read names and definitions of labels.

    path (Path): `assets/labels/<dataset>.yml`; without such a file a label is called as
        it is, "_" as a space.
    labels (Sequence[str]): Labels of the data set.
    RETURNS (dict[str, Phrase]): A phrase for each label, in their order.
    RAISES (ValueError): If the file has no name for a label, or one for two.
    """
    given = srsly.read_yaml(path) if path.is_file() else {}
    phrases: dict[str, Phrase] = {}
    for label in labels:
        entry = given.get(label) if isinstance(given, Mapping) else None
        if isinstance(entry, str):
            phrases[label] = Phrase(entry.strip())
        elif isinstance(entry, Mapping):
            name = str(entry.get("name") or label.replace("_", " ")).strip()
            phrases[label] = Phrase(name, str(entry.get("definition") or "").strip())
        elif not given:
            phrases[label] = Phrase(label.replace("_", " "))
        else:
            raise ValueError(Errors.N580.format(path=path, problem=f"no '{label}'"))
    seen: dict[str, str] = {}
    for label, phrase in phrases.items():
        # systems fold case; two types of one name could not be told apart
        other = seen.setdefault(phrase.name.casefold(), label)
        if other != label:
            problem = f"'{phrase.name}' for both '{other}' and '{label}'"
            raise ValueError(Errors.N580.format(path=path, problem=problem))
    return phrases
