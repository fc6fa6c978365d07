from pathlib import Path

import spacy

from spacy_nuner.corpus.align import make_docs
from spacy_nuner.corpus.annotated import Annotated, CharSpan, Reading
from spacy_nuner.corpus.checks import KINDS, Part, check, count_labels

NLP = spacy.blank("en")
Sentence = tuple[str, list[tuple[str, str]]]


def make_part(*sentences: Sentence, name: str = "train.jsonl") -> Part:
    """Sentences with entities given by their words."""
    found = []
    for number, (text, ents) in enumerate(sentences, start=1):
        spans = [
            CharSpan(text.index(words), text.index(words) + len(words), label)
            for words, label in ents
        ]
        found.append(Annotated(text, spans, Path(name), f"line {number}"))
    return Part(Reading(found, [], []), make_docs(NLP, found))


def find(train: Part, test: Part | None = None) -> dict[str, list[str]]:
    return {finding.kind: finding.cases for finding in check(train, test)}


GOOD: list[Sentence] = [
    (f"machine {i} lost its belt", [(f"machine {i}", "MACHINE"), ("belt", "PART")])
    for i in range(5)
]


def test_good_data() -> None:
    assert find(make_part(*GOOD)) == {}
    counts = count_labels(make_part(*GOOD).aligned.docs)
    assert list(counts.items()) == [("MACHINE", 5), ("PART", 5)]


def test_levels_come_in_order() -> None:
    part = make_part(("Oils are low", [("Oil", "PART")]), ("", []))
    part.reading.errors.append("x.jsonl, line 9: bad")
    findings = check(part)
    assert [f.kind for f in findings] == ["line", "entities", "misaligned", "empty"]
    assert [f.level for f in findings] == ["error"] * 3 + ["warning"]
    assert findings[0].title == KINDS["line"][1]


def test_no_entity() -> None:
    assert find(make_part(("all well", [])))["entities"] == ["1 sentences"]


def test_rare_labels_and_labels_that_are_alike() -> None:
    part = make_part(*GOOD, ("new wrench", [("wrench", "Machine")]))
    found = find(part)
    assert found["rare"] == ["Machine: 1"]
    assert found["case"] == ["MACHINE, Machine"]


def test_repeats() -> None:
    again = ("machine  0 lost its belt", [("machine  0", "MACHINE"), ("belt", "PART")])
    other = (GOOD[1][0], [("belt", "PART")])
    found = find(make_part(*GOOD, again, other))
    assert found["duplicate"][0].startswith("train.jsonl, line 6: as train.jsonl, line")
    (conflict,) = found["conflict"]
    assert "line 7" in conflict and "line 2" in conflict
    assert "“machine 1” (MACHINE)" in conflict and "belt" not in conflict


def test_test_data() -> None:
    test = make_part(
        GOOD[0], ("a wrench is out", [("wrench", "TOOL")]), name="test.jsonl"
    )
    found = find(make_part(*GOOD), test)
    assert len(found["leak"]) == 1
    assert found["leak"][0].startswith("test.jsonl, line 1: as train.jsonl, line 1")
    assert found["untrained"] == ["TOOL: 1"]
    assert "duplicate" not in found


def test_entities_that_are_not_marked_elsewhere() -> None:
    part = make_part(
        *GOOD,
        ("the Belt slips", []),
        ("on the belted coat", []),
        ("works on and off", [("on and", "PART")]),
    )
    (case,) = find(part)["unmarked"]
    assert case == "train.jsonl, line 6: “Belt” is not marked; elsewhere PART 5×"


def test_words_that_are_mostly_no_entity_are_no_slip() -> None:
    plain: list[Sentence] = [(f"turn it on {i} times", []) for i in range(3)]
    part = make_part(*GOOD, ("won't turn on", [("on", "PART")]), *plain)
    assert "unmarked" not in find(part)


def test_what_is_not_annotated_is_no_slip() -> None:
    part = make_part(*GOOD)
    text = "the belt slips"
    open_ = Annotated(text, [], Path("x.spacy"), "doc 1", ((4, 8),))
    docs = make_docs(NLP, [*part.reading.sentences, open_])
    assert "unmarked" not in find(Part(part.reading, docs))


def test_long_texts() -> None:
    findings = check(make_part(*GOOD), is_long=lambda text: "2" in text)
    assert [(f.kind, f.level, len(f.cases)) for f in findings] == [("long", "info", 1)]
