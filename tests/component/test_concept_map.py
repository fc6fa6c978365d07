from pathlib import Path

import pytest

from spacy_nuner.component.concept_map import is_name, read_concept_map

ROOT = Path(__file__).parents[2]
YAML = """
ORG:
  name: organization
  proper: true
  concepts: [Bank, band]
  endings: [company, sports club]
  except: [rubber company]
PLACE:
  name: location
  endings: [club]
"""


@pytest.mark.parametrize(
    "concept,label",
    [
        ("bank", "ORG"),
        ("central bank", None),
        ("company", "ORG"),
        ("car company", "ORG"),
        ("rubber company", None),
        ("company car", None),
        ("night club", "PLACE"),
        ("sports club", "ORG"),
        ("local sports club", "ORG"),
        ("", None),
    ],
)
def test_labels(tmp_path: Path, concept: str, label: str | None) -> None:
    path = tmp_path / "map.yml"
    path.write_text(YAML)
    assert read_concept_map(path).find_label(concept) == label


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Oslo", True),
        ("Bank of England", True),
        ("Gone with the Wind", True),
        ("iPhone 15", True),
        ("3M", True),
        ("Trap shooters", False),
        ("club", False),
        ("the", False),
        ("", False),
        ("Ōsaka", True),
    ],
)
def test_names(text: str, expected: bool) -> None:
    assert is_name(text) is expected


@pytest.mark.parametrize(
    "yaml,problem",
    [
        ("", "it is wrong"),
        ("- a", "it is wrong"),
        ("A: [x]", "A is wrong.*a record with a name"),
        ("A: {concepts: [x]}", "A is wrong.*a record with a name"),
        ("A: {name: a}", "A is wrong.*some concepts or endings"),
        ("A: {name: a, concepts: x}", "A: concepts is wrong.*a list of texts"),
        ("A: {name: a, concept: [x]}", "A is wrong.*Got: 'concept'"),
        (
            "A: {name: a, concepts: [x]}\nB: {name: b, concepts: [X]}",
            "x is wrong.*A and B.*one label",
        ),
    ],
)
def test_faults(tmp_path: Path, yaml: str, problem: str) -> None:
    path = tmp_path / "map.yml"
    path.write_text(yaml)
    with pytest.raises(ValueError, match=rf"\[N419\].*map.yml: {problem}"):
        read_concept_map(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N001\].*gone.yml"):
        read_concept_map(tmp_path / "gone.yml")


@pytest.mark.parametrize(
    "concept,text,label",
    [
        ("city", "Oslo", "PLACE"),
        ("football club", "Ajax", "ORGANIZATION"),
        ("tennis player", "Ons Jabeur", "PERSON"),
        ("media player", "VLC", None),
        ("date", "2 May", "DATE"),
        ("personality trait", "patience", None),
    ],
)
def test_shipped_map(concept: str, text: str, label: str | None) -> None:
    concepts = read_concept_map(ROOT / "assets" / "labels" / "en_nuner.yml")
    assert concepts.find_label(concept) == label
    assert 10 <= len(concepts.names) <= 15
    assert label not in concepts.proper or is_name(text)
