"""Gold annotation of an example as tag indices; labels of examples and of files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import srsly
from spacy.training import Example
from thinc.types import Ints1d

from ..errors import Errors

MISSING = -1


def gold_tags(example: Example, tags: Mapping[str, int]) -> Ints1d:
    """Index of each predicted token's tag.

    Missing are tokens without annotation, tokens whose alignment is not one entity
    or none, and white space, which has no vector and is never an entity.

    example (Example): Predicted and reference doc.
    tags (Mapping[str, int]): The pipe's tags with their indices.
    RETURNS (Ints1d): (n_tokens,), -1 for missing.
    RAISES (ValueError): If an entity's label is not one of the pipe's.
    """
    is_bio = any(tag.startswith("B-") for tag in tags)
    indices = np.full(len(example.predicted), MISSING, dtype="int64")
    for i, biluo in enumerate(example.get_aligned_ner()):
        if biluo in (None, "-", "") or example.predicted[i].is_space:
            continue
        tag = biluo
        if biluo != "O":
            prefix = "B" if is_bio and biluo[0] in "BU" else "I"
            tag = f"{prefix}-{biluo[2:]}"
        if tag not in tags:
            raise unknown_label(biluo[2:], [t[2:] for t in tags], example)
        indices[i] = tags[tag]
    return cast(Ints1d, indices)


def unknown_label(label: str, known: Iterable[str], example: Example) -> ValueError:
    """The error for an entity whose label the pipe does not have."""
    return ValueError(
        Errors.N402.format(
            label=label,
            known=", ".join(sorted({name for name in known if name})),
            text=example.reference.text[:80],
        )
    )


def settle_labels(
    examples: Iterable[Example], labels: Iterable[str] | None, name: str
) -> list[str]:
    """Take the given labels, or those of the examples.

    examples (Iterable[Example]): The training examples.
    labels (Iterable[str] | None): The labels of the config.
    name (str): Name of the pipe, for the error.
    RETURNS (list[str]): The labels; those of the examples sorted.
    RAISES (ValueError): If there are none, or a gold label is not among the given.
    """
    given = None if labels is None else list(labels)
    found: set[str] = set()
    count = 0
    for count, eg in enumerate(examples, start=1):  # noqa: B007
        for ent in eg.reference.ents:
            if given is not None and ent.label_ not in given:
                raise unknown_label(ent.label_, given, eg)
            found.add(ent.label_)
    settled = sorted(found) if given is None else given
    if not settled:
        raise ValueError(Errors.N403.format(name=name, count=count))
    return settled


def read_label_names(
    source: str | Path | Mapping[str, Any] | None, labels: list[str]
) -> dict[str, str]:
    """Name each label in plain words, as the concept encoder wants it.

    source (str | Path | Mapping[str, Any] | None): Names by label, or a YAML file of
        them, whose values may also be records with a "name". None: from the labels.
    labels (list[str]): The labels to name.
    RETURNS (dict[str, str]): A name for each label, in the order of labels.
    RAISES (ValueError): For a missing file or a label without a name.
    """
    if source is None:
        return {label: label.lower().replace("_", " ") for label in labels}
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            raise ValueError(Errors.N001.format(what="label names", path=source))
        given = srsly.read_yaml(Path(source))
    else:
        given = source
    names = {}
    for label in labels:
        entry = given.get(label) if isinstance(given, Mapping) else None
        name = entry.get("name") if isinstance(entry, Mapping) else entry
        if not isinstance(name, str) or not name.strip():
            place = "the mapping" if isinstance(source, Mapping) else f"'{source}'"
            raise ValueError(Errors.N407.format(label=label, source=place, got=entry))
        names[label] = name.strip()
    return names
