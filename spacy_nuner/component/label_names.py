"""What labels are called in plain words, for the concept encoder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import srsly

from ..errors import Errors

Source = str | Path | Mapping[str, Any]
FIELDS = ("name", "definition", "phrases")


def read_label_names(
    source: Source | None, labels: Sequence[str]
) -> dict[str, list[str]]:
    """Describe each label by one or more phrases, whose vectors will be averaged.

    Also registered as `spacy-nuner.read_label_names.v1` (misc).

    source (str | Path | Mapping[str, Any] | None): By label a phrase, a list of
        phrases, or a record with "name", "definition" and "phrases", each of them
        optional; or a YAML file of these. None: the labels themselves.
    labels (Sequence[str]): The labels to describe.
    RETURNS (dict[str, list[str]]): Phrases for each label, in the order of labels.
    RAISES (ValueError): For a missing file or a label without a phrase.
    """
    if source is None:
        return {label: [label.lower().replace("_", " ")] for label in labels}
    place, given = "the mapping", source
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            raise ValueError(Errors.N001.format(what="label names", path=source))
        place, given = f"'{source}'", srsly.read_yaml(Path(source))
    names = {}
    for label in labels:
        entry = given.get(label) if isinstance(given, Mapping) else None
        phrases = _list_phrases(entry)
        if not phrases:
            raise ValueError(Errors.N407.format(label=label, source=place, got=entry))
        names[label] = phrases
    return names


def _list_phrases(entry: Any) -> list[str]:
    """RETURNS (list[str]): The phrases; none if something else stands there."""
    found: list[Any] = []
    if isinstance(entry, Mapping):
        for field in FIELDS:
            value = entry.get(field) or []
            found += value if isinstance(value, list) else [value]
    else:
        found = entry if isinstance(entry, list) else [entry]
    if not all(isinstance(phrase, str) and phrase.strip() for phrase in found):
        return []
    return [phrase.strip() for phrase in found]
