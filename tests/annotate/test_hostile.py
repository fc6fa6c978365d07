"""Hostile text from sentence to corpus: only what stands in the sentence gets in."""

import time
import unicodedata
from itertools import product
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.replies.concepts import (
    MAX_CONCEPT,
    MAX_DESCRIPTION,
    is_phrase,
)
from spacy_nuner.annotate.replies.fold import fold
from spacy_nuner.annotate.replies.json_reply import reply_lines
from spacy_nuner.annotate.replies.parser import REASONS, parse_reply
from spacy_nuner.annotate.task import DEFAULT_TEMPLATE, make_concept_task
from spacy_nuner.types import Drop, Mention

from ..hostile import REPLIES, TEXTS

PROMPT = DEFAULT_TEMPLATE.read_text(encoding="utf8").removesuffix("\n")
# any text, with many of the characters that mean something on the way
ODD = st.text(
    st.one_of(
        st.sampled_from("<>{}|\n\r\t \"'`*_()[]&;:/.1aPZß İ\x00\x1b\u200b\u202e\u2028"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


def check(text: str, reply: str, mentions: list[Mention], drops: list[Drop]) -> None:
    """What must hold for any text and any reply."""
    annotations = {a.line: a for a in parse_reply(reply)[0]}
    for start, end, concept, description, match, line in mentions:
        assert 0 <= start < end <= len(text)
        forms = annotations[line].forms
        if match == "exact":
            assert text[start:end] in forms
        else:
            folded = fold(text[start:end]).text.strip()
            assert folded in [fold(form).text.strip() for form in forms]
        assert 0 < len(concept) <= MAX_CONCEPT
        assert concept == " ".join(concept.split())
        assert not has_unseen(concept) and not has_unseen(description)
        assert is_phrase(concept)
        assert len(description) <= MAX_DESCRIPTION
    assert {drop.reason for drop in drops} <= REASONS
    lines = {index for index, _ in reply_lines(reply)}
    placed = {mention.line for mention in mentions}
    assert placed | {drop.line for drop in drops} == lines
    assert not placed & {drop.line for drop in drops}


def has_unseen(text: str) -> bool:
    """Whether there is a control character, or one of format but a joiner."""
    return any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202a\u202e\u2066"
        for c in text
    )


@given(text=ODD, reply=ODD)
def test_any_text_and_any_reply(text: str, reply: str) -> None:
    check(text, reply, *place_reply(text, reply))


@given(
    text=ODD,
    fields=st.lists(st.tuples(ODD, ODD, ODD), min_size=1, max_size=4),
    at=st.integers(0, 60),
)
def test_any_fields(text: str, fields: list[tuple[str, str, str]], at: int) -> None:
    lines = [" <> ".join((entity or text[at:], c, d)) for entity, c, d in fields]
    lines.append(f"{text[at : at + 5]} <> thing <> x")
    reply = "\n".join(lines)
    check(text, reply, *place_reply(text, reply))


@pytest.mark.parametrize("text, reply", list(product(TEXTS, REPLIES)))
def test_hostile_reply_to_hostile_text(text: str, reply: str) -> None:
    sentence = TEXTS[text]
    answer = REPLIES[reply].replace("{text}", sentence)
    answer = answer.encode("utf8", errors="replace").decode("utf8")
    begin = time.process_time()
    mentions, drops = place_reply(sentence, answer)
    assert time.process_time() - begin < 1.0
    check(sentence, answer, mentions, drops)


@pytest.mark.parametrize("name", TEXTS)
def test_prompt_ends_with_the_text_as_it_is(name: str) -> None:
    text = TEXTS[name]
    doc = spacy.blank("en").make_doc(text)
    (prompt,) = make_concept_task().generate_prompts([doc])
    assert prompt == PROMPT.replace("{{ text }}", text)
    assert prompt.endswith(text)


@pytest.mark.parametrize("name", REPLIES)
def test_doc_can_be_saved(name: str, tmp_path: Path) -> None:
    """Half a surrogate pair and NUL get through disk, and labels are plain."""
    doc = spacy.blank("en").make_doc("Paris is a city, Par is is none.")
    task = make_concept_task()
    (doc,) = task.parse_responses([doc], [[REPLIES[name]]])
    doc.to_disk(tmp_path / "doc")
    again = spacy.tokens.Doc(doc.vocab).from_disk(tmp_path / "doc")
    assert [s.label_ for s in again.spans["concepts"]] == [
        s.label_ for s in doc.spans["concepts"]
    ]
    assert all(s.text in doc.text for s in doc.spans["concepts"])
    assert not any(has_unseen(s.label_) for s in doc.spans["concepts"])


@pytest.mark.parametrize(
    "name, reasons",
    [
        ("another_answer", ["not_found", "noise"]),
        ("html_concept", ["no_phrase"] * 3),
        ("address_concept", ["no_phrase"] * 3),
        ("template_concept", ["no_phrase"] * 2),
        ("long_concept", ["long_concept"]),
        ("only_unseen_concept", ["no_concept"]),
        ("many_layers", ["not_found"]),
        ("many_quotes", ["long_concept"]),
    ],
)
def test_reasons(name: str, reasons: list[str]) -> None:
    mentions, drops = place_reply("Paris is a city.", REPLIES[name])
    assert [drop.reason for drop in drops] == reasons
    assert not mentions


@pytest.mark.parametrize(
    "name, concepts",
    [
        ("control_concept", ["ci ty [31m of light"]),
        ("bidi_concept", ["ytic town"]),
        ("unseen_concept", ["city"]),
        ("markup_concept", []),
        ("long_description", ["city"]),
        ("many_lines", ["city"]),
    ],
)
def test_concepts_that_stay(name: str, concepts: list[str]) -> None:
    mentions, _ = place_reply("Paris is a city.", REPLIES[name])
    assert [mention.concept for mention in mentions] == concepts


@pytest.mark.parametrize(
    "concept", ["c++ library", "r&d", "p < 0.05", "data: source", "age > 5", "a/b", "٣"]
)
def test_concepts_that_are_odd_but_plain(concept: str) -> None:
    assert is_phrase(concept)


def test_instruction_that_stands_in_the_sentence_is_only_a_mention() -> None:
    """A page that repeats the prompt gets no more than any other page."""
    text = TEXTS["prompt_words"]
    mentions, _ = place_reply(text, f"{TEXTS['prompt_words']} <> x\nParis <> city")
    assert {text[m.start : m.end] for m in mentions} == {"Paris"}
    assert {mention.concept for mention in mentions} == {"x", "city"}
