import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_nuner.component.decode import make_tags
from spacy_nuner.component.gold import gold_tags
from spacy_nuner.component.scorer import make_token_ner_scorer

NLP = spacy.blank("en")


def make_doc(words: list[str], ents: list[str] | None = None) -> Doc:
    return Doc(NLP.vocab, words=words, ents=ents)


def get_tags(example: Example, tagging: str = "io") -> list[int]:
    tags = {tag: i for i, tag in enumerate(make_tags(["A", "B"], tagging))}
    return gold_tags(example, tags).tolist()


@pytest.mark.parametrize(
    "tagging,expected", [("io", [1, 1, 1, 0, 2]), ("bio", [1, 2, 1, 0, 3])]
)
def test_adjacent_entities(tagging: str, expected: list[int]) -> None:
    words = ["a", "b", "c", "d", "e"]
    gold = make_doc(words, ["B-A", "I-A", "B-A", "O", "B-B"])
    assert get_tags(Example(make_doc(words), gold), tagging) == expected


def test_white_space_and_unannotated_tokens_are_missing() -> None:
    words = ["a", " ", "b", "c"]
    gold = make_doc(words)
    gold.set_ents([Span(gold, 0, 3, label="A")], missing=[gold[3:4]])
    assert get_tags(Example(make_doc(words), gold)) == [1, -1, 1, -1]


def test_other_tokenization() -> None:
    """A token that's only partly of an entity is missing, the rest is aligned."""
    gold = make_doc(["New", "York", "City-wide", "ban"], ["B-A", "I-A", "O", "O"])
    predicted = make_doc(["New", "York", "City", "-", "wide", "ban"])
    predicted = Doc(
        NLP.vocab, words=[t.text for t in predicted], spaces=[1, 1, 0, 0, 1, 1]
    )
    tags = get_tags(Example(predicted, gold))
    assert tags == [1, 1, 0, 0, 0, 0]
    joined = make_doc(["NewYork", "City-wide", "ban"])
    gold = Doc(
        NLP.vocab,
        words=["New", "York", "City-wide", "ban"],
        spaces=[False, True, True, False],
        ents=["B-A", "O", "O", "O"],
    )
    assert get_tags(Example(joined, gold)) == [-1, 0, 0]


def test_unknown_label() -> None:
    gold = make_doc(["a"], ["B-C"])
    with pytest.raises(ValueError, match=r"\[N402\].*'C'.*A, B"):
        get_tags(Example(make_doc(["a"]), gold))


def test_scorer_by_hand() -> None:
    words = ["a", "b", "c", "d", " ", "e"]
    gold = make_doc(words, ["B-A", "I-A", "O", "B-B", "O", "O"])
    predicted = make_doc(words, ["B-A", "O", "B-A", "B-B", "O", "B-C"])
    scores = make_token_ner_scorer()([Example(predicted, gold)])
    # A: 1 hit of 2 predicted, 2 gold; B: all; C is not in the gold
    assert scores["nuner_token_f_per_type"] == {"A": 0.5, "B": 1.0, "C": 0.0}
    assert scores["nuner_token_macro_f"] == pytest.approx(0.75)
    assert scores["ents_p"] == pytest.approx(1 / 4)
    assert scores["ents_r"] == pytest.approx(1 / 2)


def test_scorer_without_annotation() -> None:
    scores = make_token_ner_scorer()([Example(make_doc(["a"]), make_doc(["a"]))])
    assert scores["ents_f"] is None and scores["nuner_token_macro_f"] is None


def test_missing_tokens_do_not_count() -> None:
    gold = make_doc(["a", "b"])
    gold.set_ents([Span(gold, 0, 1, label="A")], missing=[gold[1:2]])
    predicted = make_doc(["a", "b"], ["B-A", "B-B"])
    scores = make_token_ner_scorer()([Example(predicted, gold)])
    assert scores["nuner_token_macro_f"] == scores["ents_f"] == 1.0
    assert np.isclose(scores["nuner_token_f_per_type"]["A"], 1.0)
