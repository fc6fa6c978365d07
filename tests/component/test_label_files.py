import json
from pathlib import Path

import pytest

from spacy_nuner.component.gold import read_label_names
from spacy_nuner.component.label_vectors import read_settings

YAML = """
PER: {name: person, definition: "A human being."}
CITY: town or city
BAD: {definition: "No name."}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "labels.yml"
    path.write_text(YAML)
    return path


@pytest.mark.parametrize("as_text", [True, False])
def test_names_from_file(path: Path, as_text: bool) -> None:
    source = str(path) if as_text else path
    names = read_label_names(source, ["CITY", "PER"])
    assert list(names.items()) == [("CITY", "town or city"), ("PER", "person")]


def test_names_from_labels() -> None:
    assert read_label_names(None, ["CELL_LINE"]) == {"CELL_LINE": "cell line"}


@pytest.mark.parametrize("label", ["BAD", "GONE"])
def test_label_without_name(path: Path, label: str) -> None:
    with pytest.raises(ValueError, match=rf"\[N407\].*'{label}'.*labels.yml"):
        read_label_names(path, ["PER", label])


def test_mapping_without_label() -> None:
    with pytest.raises(ValueError, match=r"\[N407\].*the mapping"):
        read_label_names({"A": "a"}, ["B"])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N001\].*gone.yml"):
        read_label_names(tmp_path / "gone.yml", ["A"])


def test_settings_from_either_folder(encoder_folder: Path) -> None:
    inner = encoder_folder / "concept_encoder"
    assert read_settings(encoder_folder) == read_settings(inner)
    assert read_settings(inner)[0] == inner


def test_no_concept_encoder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N001\].*concept encoder"):
        read_settings(tmp_path / "gone")


@pytest.mark.parametrize(
    "settings,problem",
    [
        (None, "is missing"),
        ({"temperature": 5.0, "bias": 0.0}, "lacks pooling"),
        ({"temperature": 5.0, "bias": 0.0, "pooling": "max"}, "unknown pooling 'max'"),
    ],
)
def test_bad_settings(
    tmp_path: Path, settings: dict[str, object] | None, problem: str
) -> None:
    folder = tmp_path / "concept_encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    if settings is not None:
        (tmp_path / "nuner.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=rf"\[N408\].*{problem}"):
        read_settings(folder)
