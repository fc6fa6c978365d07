"""Gold annotation of an example as tag indices; labels of examples and of files."""

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, IS_SPACE, ORTH
from spacy.training import Example
from thinc.types import Ints1d

from ..errors import Errors

MISSING = -1
# What a token's `ent_iob` stands for: missing, inside, outside, begin
IOB = ("", "I", "O", "B")


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
    is_space = example.predicted.to_array(IS_SPACE).tolist()
    for i, biluo in enumerate(_align_ner(example)):
        if biluo in (None, "-", "") or is_space[i]:
            continue
        tag = biluo
        if biluo != "O":
            prefix = "B" if is_bio and biluo[0] in "BU" else "I"
            tag = f"{prefix}-{biluo[2:]}"
        if tag not in tags:
            raise unknown_label(biluo[2:], [t[2:] for t in tags], example)
        indices[i] = tags[tag]
    return cast(Ints1d, indices)


def _align_ner(example: Example) -> list[str | None]:
    """The reference's BILUO tags for the predicted tokens, "B" and "I" where it has the
    same tokens: spaCy's way, by characters, would take a third of a training step."""
    predicted, reference = example.predicted, example.reference
    if not np.array_equal(predicted.to_array(ORTH), reference.to_array(ORTH)):
        return list(example.get_aligned_ner())
    strings = reference.vocab.strings
    rows = reference.to_array([ENT_IOB, ENT_TYPE]).tolist()
    return [
        f"{IOB[iob]}-{strings[label]}" if label else ("O" if iob == 2 else None)
        for iob, label in rows
    ]


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
