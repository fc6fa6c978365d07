"""From free-form concepts to a fixed set of labels, as a YAML file says."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import srsly

from ..errors import Errors

KEYS = {"name", "definition", "proper", "concepts", "endings", "except"}
# "with", "from", "over" may stand in a title without a capital letter
MAX_SHORT = 4
# The entry for concepts whose mentions are neither an entity nor none
UNCLEAR = "-"
LISTS = ("concepts", "endings", "except")


class ConceptMap(NamedTuple):
    """Which concepts belong to which label."""

    names: dict[str, str]  # label -> plain words for the concept encoder
    proper: frozenset[str]  # labels whose mentions are names, see is_name
    exact: dict[str, str]  # concept -> label
    endings: dict[str, str]  # last word or words of a concept -> label
    excepted: dict[str, frozenset[str]]  # label -> concepts that its endings don't take
    unclear: frozenset[str]  # concepts whose mentions are missing annotation

    def find_label(self, concept: str) -> str | None:
        """Find the label of a concept: the exact one, else that of the longest ending.

        concept (str): Concept, lower-cased.
        RETURNS (str | None): Label, None if the concept belongs to none.
        """
        if concept in self.unclear:
            return None
        if concept in self.exact:
            return self.exact[concept]
        words = concept.split()
        for i in range(len(words)):
            label = self.endings.get(" ".join(words[i:]))
            if label is not None:
                return None if concept in self.excepted[label] else label
        return None


def is_name(text: str) -> bool:
    """Whether a text is written like a name: "Bank of England", not "Trap shooters".

    Each longer word needs a capital letter or a digit, and at least one word has one.
    """
    words = text.split()
    marked = [any(c.isupper() or c.isdigit() for c in word) for word in words]
    longer = [
        mark for word, mark in zip(words, marked, strict=True) if len(word) > MAX_SHORT
    ]
    return any(marked) and all(longer)


def read_concept_map(path: Path) -> ConceptMap:
    """Read a file like `assets/labels/en_nuner.yml`.

    path (Path): YAML: label -> name, definition, proper, concepts, endings, except.
    RETURNS (ConceptMap): The map.
    RAISES (ValueError): For a missing file, unknown or wrong entries, or a concept or
        an ending that two labels claim.
    """
    if not path.is_file():
        raise ValueError(Errors.N001.format(what="map of concepts", path=path))
    data = srsly.read_yaml(path)
    if not isinstance(data, Mapping) or not data:
        raise ValueError(_wrong(path, "it", data, "a record for each label"))
    entries = {label: _check_entry(path, label, entry) for label, entry in data.items()}
    unclear = entries.pop(UNCLEAR, {"concepts": []})
    return ConceptMap(
        names={label: entry["name"] for label, entry in entries.items()},
        proper=frozenset(label for label, e in entries.items() if e.get("proper")),
        exact=_invert(path, ((la, e["concepts"]) for la, e in entries.items())),
        endings=_invert(path, ((la, e["endings"]) for la, e in entries.items())),
        excepted={label: frozenset(e["except"]) for label, e in entries.items()},
        unclear=frozenset(unclear["concepts"]),
    )


def _check_entry(path: Path, label: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise ValueError(_wrong(path, label, entry, "a record with a name"))
    unknown = set(entry) - KEYS
    if unknown:
        allowed = ", ".join(sorted(KEYS))
        raise ValueError(_wrong(path, label, ", ".join(sorted(unknown)), allowed))
    checked = dict(entry)
    for key in LISTS:
        values = entry.get(key) or []
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise ValueError(_wrong(path, f"{label}: {key}", values, "a list of texts"))
        checked[key] = [value.lower() for value in values]
    if not checked["concepts"] and not checked["endings"]:
        raise ValueError(_wrong(path, label, entry, "some concepts or endings"))
    return checked


def _invert(path: Path, lists: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
    owners: dict[str, str] = {}
    for label, values in lists:
        for value in values:
            if owners.setdefault(value, label) != label:
                both = f"{owners[value]} and {label}"
                raise ValueError(_wrong(path, value, both, "one label"))
    return owners


def _wrong(path: Path, where: str, got: Any, expected: str) -> str:
    return Errors.N419.format(path=path, where=where, got=got, expected=expected)
