from pathlib import Path

import pytest
import spacy

from spacy_nuner.corpus.align import make_docs
from spacy_nuner.corpus.annotated import Annotated, CharSpan

NLP = spacy.blank("en")


def align(
    text: str, *spans: tuple[int, int, str], missing: tuple[tuple[int, int], ...] = ()
) -> tuple[list[tuple[str, str]], str, list[str]]:
    """RETURNS: entities; a letter of IOB per token, "-" for missing; problems."""
    given = [CharSpan(*span) for span in spans]
    sentence = Annotated(text, given, Path("a.jsonl"), "line 1", missing)
    aligned = make_docs(NLP, [sentence])
    kinds = [problem.kind for problem in aligned.problems]
    assert all(str(p).startswith("a.jsonl, line 1: ") for p in aligned.problems)
    if not aligned.docs:
        return [], "", kinds
    (doc,) = aligned.docs
    assert aligned.sentences == [sentence]
    iob = "".join(token.ent_iob_ or "-" for token in doc)
    return [(e.text, e.label_) for e in doc.ents], iob, kinds


@pytest.mark.parametrize(
    ("text", "spans", "ents", "iob", "kinds"),
    [
        ("oil is low", [(0, 3, "A")], [("oil", "A")], "BOO", []),
        ("oil is low", [(0, 4, "A")], [("oil", "A")], "BOO", ["edges"]),
        (" oil", [(0, 4, "A")], [("oil", "A")], "OB", ["edges"]),
        ("oil  is", [(3, 5, "A")], [], "OOO", ["blank"]),
        # Cut through a word: neither an entity nor none
        ("oils are low", [(0, 3, "A")], [], "-OO", ["misaligned"]),
        ("set to 150 N.", [(7, 12, "A")], [("150 N.", "A")], "OOBI", ["expanded"]),
        (
            "oil filter low",
            [(0, 3, "A"), (0, 10, "B")],
            [("oil filter", "B")],
            "BIO",
            ["overlap"],
        ),
        (
            "oil low",
            [(0, 3, "A"), (0, 3, "A")],
            [("oil", "A")],
            "BO",
            ["repeated"],
        ),
        ("oil low", [(0, 3, "A"), (0, 3, "B")], [("oil", "A")], "BO", ["overlap"]),
        ("  ", [], [], "", ["empty"]),
    ],
)
def test_align(
    text: str,
    spans: list[tuple[int, int, str]],
    ents: list[tuple[str, str]],
    iob: str,
    kinds: list[str],
) -> None:
    assert align(text, *spans) == (ents, iob, kinds)


def test_missing_annotation_stays_missing() -> None:
    found = align("Ada met Bob", (0, 3, "P"), missing=((8, 11),))
    assert found == ([("Ada", "P")], "BO-", [])
