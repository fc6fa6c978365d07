from pathlib import Path

import pytest

from spacy_nuner.corpus.annotated import CharSpan
from spacy_nuner.corpus.annotations_io import read_annotated

CONLL_2003 = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""
EXPECTED = [
    ("EU rejects German", [CharSpan(0, 2, "ORG"), CharSpan(11, 17, "MISC")]),
    ("Peter Blackburn", [CharSpan(0, 15, "PER")]),
]
IOB1 = CONLL_2003.replace("B-ORG", "I-ORG").replace("B-MISC", "I-MISC")
IOB1 = IOB1.replace("B-PER", "I-PER")
BIOES = CONLL_2003.replace("B-ORG", "S-ORG").replace("B-MISC", "S-MISC")
BIOES = BIOES.replace("I-PER", "E-PER")
TAG_FIRST = "B-ORG\tEU\nO\trejects\nB-MISC\tGerman\n\nB-PER\tPeter\nI-PER\tBlackburn\n"
NUMBERED = (
    "0\tEU\tB-ORG\n1\trejects\tO\n2\tGerman\tB-MISC\n\n"
    "0\tPeter\tB-PER\n1\tBlackburn\tI-PER\n"
)
COMMENTS = "# id 7  domain=en\nEU _ _ B-ORG\nrejects _ _ O\nGerman _ _ B-MISC\n\n"
COMMENTS += "# id 8\nPeter _ _ B-PER\nBlackburn _ _ I-PER\n"


def read(tmp_path: Path, content: str) -> list[tuple[str, list[CharSpan]]]:
    path = tmp_path / "data.conll"
    path.write_bytes(content.encode("utf8"))
    return [(s.text, s.spans) for s in read_annotated([path]).sentences]


@pytest.mark.parametrize(
    "content",
    [
        CONLL_2003,
        IOB1,
        BIOES,
        CONLL_2003.replace(" ", "\t"),
        CONLL_2003.replace("\n", "\r\n"),
        TAG_FIRST,
        NUMBERED,
        COMMENTS,
    ],
)
def test_columns(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == EXPECTED


def test_places_and_neighbours(tmp_path: Path) -> None:
    """IOB1 sets neighbours of one label apart by B-."""
    path = tmp_path / "d.iob"
    path.write_text("A O\nBonn I-LOC\nKöln B-LOC\n\n# O\n1 O\n")
    reading = read_annotated([path])
    assert [s.place for s in reading.sentences] == ["line 1", "line 5"]
    spans = [CharSpan(2, 6, "LOC"), CharSpan(7, 11, "LOC")]
    assert reading.sentences[0].spans == spans
    assert reading.sentences[1].text == "# 1"
    assert not reading.problems


def test_slips_of_iob2_are_told(tmp_path: Path) -> None:
    path = tmp_path / "d.bio"
    path.write_text("In O\nBonn B-LOC\n\nIn O\nKöln I-LOC\n")
    reading = read_annotated([path])
    assert reading.sentences[1].spans == [CharSpan(3, 7, "LOC")]
    assert [(p.kind, p.place) for p in reading.problems] == [("tags", "line 4")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("lonely", "row without a second column"),
        ("word LOC", "not a tag"),
        ("\tO", "row without a token"),
        ("#\tX-LOC", "not a tag"),
    ],
)
def test_bad_rows(tmp_path: Path, row: str, problem: str) -> None:
    path = tmp_path / "bad.conll"
    path.write_text(f"In O\nBonn B-LOC\n\nat O\n{row}\n\nIn O\n")
    with pytest.raises(ValueError, match=rf"bad\.conll, line 5: {problem}"):
        read_annotated([path])
    reading = read_annotated([path], collect=True)
    assert [s.text for s in reading.sentences] == ["In Bonn", "In"]
    assert len(reading.errors) == 1
