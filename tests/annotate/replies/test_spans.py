"""Mentions on tokens."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.replies.spans import set_concept_spans
from spacy_nuner.types import Mention


@pytest.fixture(scope="module")
def nlp() -> spacy.Language:
    return spacy.blank("en")


def test_spans_carry_concepts_and_descriptions(nlp: spacy.Language) -> None:
    doc = nlp("Rome beats Paris, Paris sulks.")
    mentions, _ = place_reply(doc.text, "Paris <> City <> in France\nRome <> club")
    assert set_concept_spans(doc, mentions) == []
    spans = [(span.text, span.label_) for span in doc.spans["concepts"]]
    assert spans == [("Rome", "club"), ("Paris", "city"), ("Paris", "city")]
    assert doc.user_data["descriptions"] == ["", "in France", "in France"]
    stored = DocBin(store_user_data=True, docs=[doc]).to_bytes()
    (again,) = DocBin().from_bytes(stored).get_docs(nlp.vocab)
    assert [(span.text, span.label_) for span in again.spans["concepts"]] == spans
    # DocBin gives lists back as tuples
    assert list(again.user_data["descriptions"]) == ["", "in France", "in France"]


@pytest.mark.parametrize(
    "words, spaces, entity, expected",
    [
        (["the", "U.S.", "won"], [True, True, False], "U.S", "U.S."),
        (["a", "(Paris)", "b"], [True, True, False], "Paris", "(Paris)"),
        (["from", "Paris-Nord"], [True, False], "Paris", None),
        (["東京は", "首都"], [False, False], "東京", None),
        (["東京", "は首都"], [False, False], "東京", "東京"),
    ],
)
def test_token_edges(
    nlp: spacy.Language,
    words: list[str],
    spaces: list[bool],
    entity: str,
    expected: str | None,
) -> None:
    doc = Doc(nlp.vocab, words, spaces)
    mentions, drops = place_reply(doc.text, f"{entity} <> thing")
    assert len(mentions) == 1 and not drops
    drops = set_concept_spans(doc, mentions)
    if expected is None:
        assert drops == [(0, f"{entity} <> thing", "token_edges")]
        assert len(doc.spans["concepts"]) == 0
    else:
        assert not drops
        assert [span.text for span in doc.spans["concepts"]] == [expected]


def test_mentions_that_fall_together(nlp: spacy.Language) -> None:
    doc = Doc(nlp.vocab, ["U.S.", "won"])
    mentions, _ = place_reply(doc.text, "U.S. <> country\nU.S <> country\nU.S <> land")
    drops = set_concept_spans(doc, mentions, spans_key="mine")
    # "U.S" comes first in the order of the text
    assert [(drop.line, drop.reason) for drop in drops] == [(0, "duplicate")]
    assert [span.label_ for span in doc.spans["mine"]] == ["country", "land"]


@pytest.mark.parametrize("text", ["", "   "])
def test_doc_without_words(nlp: spacy.Language, text: str) -> None:
    doc = nlp(text)
    assert set_concept_spans(doc, []) == []
    assert len(doc.spans["concepts"]) == 0


def test_mention_outside_of_the_text(nlp: spacy.Language) -> None:
    doc = nlp("Paris")
    drops = set_concept_spans(doc, [Mention(3, 9, "city", "", "exact", 4)])
    assert [(drop.line, drop.reason) for drop in drops] == [(4, "token_edges")]
