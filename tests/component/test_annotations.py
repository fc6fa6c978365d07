import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Span

from spacy_nuner.component.annotations import find_spaces, has_break

from .conftest import TEXTS, read_ents
from .test_pipe import ENTS

TEXT = TEXTS[0][0]


@pytest.mark.parametrize(
    "on_existing,expected",
    [
        ("overwrite", ENTS),
        ("keep", [("Maria met", "MINE"), ("Bob", "PER"), ("Paris", "CITY")]),
    ],
)
def test_existing_entities(
    trained: Language, on_existing: str, expected: list[tuple[str, str]]
) -> None:
    pipe = trained.get_pipe("nuner")
    pipe.settings.on_existing = on_existing
    doc = trained.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 2, label="MINE")]
    doc = trained(doc)
    assert read_ents(doc) == expected
    ours = [ent for ent in doc.ents if ent.label_ != "MINE"]
    assert list(doc.spans["nuner"]) == ours
    assert len(doc.spans["nuner"].attrs["scores"]) == len(ours)


def test_existing_entities_raise(trained: Language) -> None:
    trained.get_pipe("nuner").settings.on_existing = "raise"
    doc = trained.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 1, label="MINE")]
    with pytest.raises(ValueError, match=r"\[N411\].*Maria \(MINE\)"):
        trained(doc)


def test_spans_key(trained: Language) -> None:
    trained.get_pipe("nuner").settings.spans_key = "mine"
    doc = trained(TEXT)
    assert list(doc.spans["mine"]) == list(doc.ents) and "nuner" not in doc.spans


@pytest.mark.parametrize(
    "text,expected",
    [(" ", False), ("\t", False), ("\n", True), (" \r\n ", True), ("\u2028", True)],
)
def test_breaks(text: str, expected: bool) -> None:
    assert has_break(text) is expected


def test_spaces_of_docs_end_to_end() -> None:
    nlp = spacy.blank("en")
    docs = [nlp("a  b"), nlp(""), nlp("\nc"), nlp("d")]
    spaces = find_spaces(docs)
    assert spaces.is_space.tolist() == [False, True, False, True, False, False]
    assert spaces.is_break.tolist() == [False, False, False, True, False, False]
    empty = find_spaces([])
    assert empty.is_space.shape == empty.is_break.shape == (0,)
