"""Replies in JSON: whole, wrapped, cut off, broken, and hostile ones."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.replies.json_reply import count_lines, is_json, reply_lines
from spacy_nuner.annotate.replies.parser import REASONS, parse_reply
from spacy_nuner.cli.corpus import place_journal
from spacy_nuner.corpus.sources import Reply
from spacy_nuner.corpus.stats import account_for_drops

TEXT = "Marie Curie left Paris in 1895."
ROWS = [
    {"entity": "Marie Curie", "concept": "Person", "description": "a physicist"},
    {"entity": "Paris", "concept": "city", "description": "capital, of {France}"},
    {"entity": "1895", "concept": "year", "description": ""},
]
LIST = json.dumps(ROWS)
WHOLE = [("Marie Curie", "person"), ("Paris", "city"), ("1895", "year")]


def read(reply: str) -> tuple[list[tuple[str, str]], list[str]]:
    annotations, drops = parse_reply(reply)
    assert count_lines(reply) == len(annotations) + len(drops)
    assert sorted(found.line for found in [*annotations, *drops]) == list(
        range(count_lines(reply))
    )
    return [(a.entity, a.concept) for a in annotations], [d.reason for d in drops]


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps({"entities": ROWS}),
        json.dumps({"entities": ROWS}, indent=2),
        LIST,
        f"```json\n{LIST}\n```",
        f"```\n{json.dumps({'entities': ROWS}, indent=1)}\n```\n",
        json.dumps({"text": TEXT, "n": 3, "entities": ROWS, "more": {}}),
        "\n".join(map(json.dumps, ROWS)),
        ",\n".join(map(json.dumps, ROWS)) + ",",
        json.dumps([{"text": r["entity"], "type": r["concept"]} for r in ROWS]),
        json.dumps([ROWS[0], ROWS[1], {"entity": 1895, "concept": "year"}]),
        f"\n\n  {LIST}",
    ],
)
def test_forms_of_json(reply: str) -> None:
    assert is_json(reply)
    assert read(reply) == (WHOLE, [])
    assert {m.concept for m in place_reply(TEXT, reply)[0]} == {
        "person",
        "city",
        "year",
    }


@pytest.mark.parametrize("reply", ['{"entities": []}', "[]", '{"entities": ['])
def test_lists_without_elements(reply: str) -> None:
    assert read(reply) == ([], [])


@pytest.mark.parametrize(
    "reply",
    [
        "Paris <> city <> capital",
        "[Paris] <> city <> capital",
        "{Paris} <> city <> capital",
        "```\nParis <> city <> capital\n```",
        "",
        "I can't.",
    ],
)
def test_what_is_no_json(reply: str) -> None:
    assert not is_json(reply)


def test_every_beginning_of_a_reply_keeps_what_can_be_read() -> None:
    for whole in (json.dumps({"entities": ROWS}), json.dumps(ROWS, indent=1)):
        n_before = 0
        for end in range(len(whole) + 1):
            if not is_json(whole[:end]):
                assert end < 20
                continue
            found, reasons = read(whole[:end])
            assert found == WHOLE[: len(found)]
            assert len(found) >= n_before and reasons in ([], ["malformed"])
            n_before = len(found)
        assert n_before == 3


@pytest.mark.parametrize(
    "reply, entities, n_broken",
    [
        # one broken element between two whole ones
        (f'[{json.dumps(ROWS[0])}, {{"entity": "x, {json.dumps(ROWS[1])}]', 2, 1),
        (f"[{json.dumps(ROWS[0])} {json.dumps(ROWS[1])}]", 2, 0),
        (f'[{json.dumps(ROWS[0])}, "text", 3, null]', 1, 3),
        (f'[{json.dumps(ROWS[0])}, {{"concept": "city"}}]', 1, 1),
        (f'[{json.dumps(ROWS[0])}, {{"entity": ["a"], "concept": "b"}}]', 1, 1),
        (f"{LIST}\nI hope this helps!", 3, 1),
        ('{"error": "I can\'t"}', 0, 1),
        ('{"entities": 3}', 0, 1),
        ("{}", 0, 1),
        ("[{'entity': 'Paris', 'concept': 'city'}]", 0, 1),
    ],
)
def test_what_can_t_be_read_is_told(reply: str, entities: int, n_broken: int) -> None:
    found, reasons = read(reply)
    assert [entity for entity, _ in found] == [e for e, _ in WHOLE][:entities]
    assert reasons == ["malformed"] * n_broken


def test_an_entity_without_concept_is_dropped_as_in_a_line() -> None:
    reply = json.dumps([{"entity": "Paris"}, {"entity": "", "concept": "city"}])
    assert read(reply) == ([], ["no_concept", "no_entity"])


def test_separators_in_json_are_only_text() -> None:
    reply = json.dumps([{"entity": "a <> b", "concept": "x", "description": "y <> z"}])
    mentions, drops = place_reply("so a <> b is", reply)
    assert [(m.start, m.end, m.description) for m in mentions] == [(3, 9, "y <> z")]
    assert not drops


def test_a_corpus_accounts_for_each_element() -> None:
    response = f'[{json.dumps(ROWS[0])},\n{{"entity":\n"x", {json.dumps(ROWS[1])}]'
    placed = place_journal(Reply("1", TEXT, response, "m", ""))
    assert placed.n_lines == 3 and len(placed.mentions) == 2
    assert [(d.reason, d.n_lines) for d in account_for_drops(placed)] == [
        ("malformed", 1)
    ]


@pytest.mark.parametrize(
    "reply",
    ['[{"' * 20_000, "[{" * 20_000, '{"a":' * 20_000, '[{"a": "' + "{" * 50_000],
)
def test_hostile_replies_take_no_time(reply: str) -> None:
    start = time.process_time()
    found, _ = read(reply)
    assert not found
    assert time.process_time() - start < 1.0


PIECES = st.sampled_from(
    [*'{}[]",:\n ', '{"', '"entity":', '"concept":', '"Paris"', '"city"', "```", "3"]
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["[{", '{"', "```json\n[{", ""]), st.lists(PIECES, max_size=30))
def test_every_element_ends_as_mention_or_drop(start: str, pieces: list[str]) -> None:
    reply = start + "".join(pieces)
    mentions, drops = place_reply("Paris", reply)
    placed = {mention.line for mention in mentions}
    assert len(placed) + len(drops) == len(reply_lines(reply)) == count_lines(reply)
    assert placed.isdisjoint(drop.line for drop in drops)
    assert all(drop.reason in REASONS for drop in drops)
