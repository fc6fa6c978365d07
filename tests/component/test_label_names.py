from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.component.label_names import read_label_names

YAML = """
PER: {name: person, definition: "A human being.", phrases: [human, " somebody "]}
CITY: town or city
RIVER: [river, stream]
FOOD: {definition: "What one eats."}
BAD: {title: "No name."}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "labels.yml"
    path.write_text(YAML)
    return path


@pytest.mark.parametrize("as_text", [True, False])
def test_names_from_file(path: Path, as_text: bool) -> None:
    source = str(path) if as_text else path
    names = read_label_names(source, ["CITY", "PER", "RIVER", "FOOD"])
    assert list(names.items()) == [
        ("CITY", ["town or city"]),
        ("PER", ["person", "A human being.", "human", "somebody"]),
        ("RIVER", ["river", "stream"]),
        ("FOOD", ["What one eats."]),
    ]


def test_names_from_labels() -> None:
    names = read_label_names(None, ["CELL_LINE", "DNA"])
    assert names == {"CELL_LINE": ["cell line"], "DNA": ["dna"]}


def test_mapping_may_know_more_labels() -> None:
    assert read_label_names({"A": "a", "B": "b"}, ["B"]) == {"B": ["b"]}


@pytest.mark.parametrize("label", ["BAD", "GONE"])
def test_label_without_name(path: Path, label: str) -> None:
    with pytest.raises(ValueError, match=rf"\[N407\].*'{label}'.*labels.yml"):
        read_label_names(path, ["PER", label])


@pytest.mark.parametrize(
    "entry",
    ["", "  ", 3, None, [], ["a", ""], ["a", 3], {"name": 3}, {"phrases": [None]}],
)
def test_entry_without_a_phrase(entry: Any) -> None:
    with pytest.raises(ValueError, match=r"\[N407\] The label 'A'.*the mapping"):
        read_label_names({"A": entry}, ["A"])


def test_mapping_without_label() -> None:
    with pytest.raises(ValueError, match=r"\[N407\].*the mapping"):
        read_label_names({"A": "a"}, ["B"])


def test_file_that_is_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "labels.yml"
    path.write_text("- PER\n- CITY\n")
    with pytest.raises(ValueError, match=r"\[N407\].*'PER'"):
        read_label_names(path, ["PER"])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N001\].*gone.yml"):
        read_label_names(tmp_path / "gone.yml", ["A"])
