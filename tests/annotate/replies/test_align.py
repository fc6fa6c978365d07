"""Placing: the probes of peers.md 4.4, its faults and traps, and properties."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_nuner.annotate.replies.align import place, place_reply
from spacy_nuner.annotate.replies.parser import REASONS, parse_reply, reply_lines
from spacy_nuner.types import Drop, Mention

NFC = unicodedata.normalize("NFC", "Café Zürich opened.")
NFD_ANSWER = unicodedata.normalize("NFD", "Café Zürich")


def answer(*entities: str) -> str:
    return "\n".join(f"{entity} <> thing <> x" for entity in entities)


def found(text: str, reply: str) -> list[tuple[str, str]]:
    mentions, _ = place_reply(text, reply)
    return [(text[m.start : m.end], m.match) for m in mentions]


@pytest.mark.parametrize(
    "text, entities, expected",
    [
        ("A Parisian left Paris.", ["Paris"], [(16, 21, "exact")]),
        ("The bus left the US today.", ["US"], [(17, 19, "exact")]),
        ("Tell us the US is big.", ["US"], [(12, 14, "exact")]),
        ("The new york times in New York", ["New York"], [(22, 30, "exact")]),
        ("Paris loves Rome.", ["Rome", "Paris"], [(0, 5, "exact"), (12, 16, "exact")]),
        ("Paris is Paris.", ["Paris"], [(0, 5, "exact"), (9, 14, "exact")]),
        ("İstanbul hosted Steven Means.", ["Steven Means"], [(16, 28, "exact")]),
        ("İstanbul", ["istanbul"], [(0, 8, "folded")]),
        (NFC, [NFD_ANSWER], [(0, 11, "folded")]),
        ("Rory O’Neill sang.", ["O'Neill"], [(5, 12, "folded")]),
        ("New\nYork won.", ["New York"], [(0, 8, "folded")]),
        ("New  York won.", ["New York"], [(0, 9, "folded")]),
        ("New\xa0York won.", ["New York"], [(0, 8, "folded")]),
        (
            "Washington, D.C. in the U.S. has C++ and .NET.",
            ["Washington, D.C.", "U.S.", "C++", ".NET"],
            [(0, 16, "exact"), (24, 28, "exact"), (33, 36, "exact"), (41, 45, "exact")],
        ),
        ("It cost 1,000 dollars.", ["1000 dollars"], "not_found"),
        ("The National Football League", ["National League"], "not_found"),
        ("A COVID-19 vaccine.", ["COVID-19 vaccines"], "not_found"),
        ("東京は日本の首都です。", ["東京"], [(0, 2, "exact")]),
        ("Paris is in France.", ["Berlin"], "not_found"),
    ],
)
def test_probe(
    text: str, entities: list[str], expected: list[tuple[int, int, str]] | str
) -> None:
    mentions, drops = place_reply(text, answer(*entities))
    if isinstance(expected, str):
        assert not mentions
        assert [drop.reason for drop in drops] == [expected]
    else:
        assert [(m.start, m.end, m.match) for m in mentions] == expected
        assert not drops


def test_folded_matches_beside_exact_ones_are_flagged() -> None:
    text = "The new york times in New York"
    annotations, _ = parse_reply(answer("New York"))
    mentions, _ = place(text, annotations, folded="also")
    found = [(text[m.start : m.end], m.match) for m in mentions]
    assert found == [("new york", "folded"), ("New York", "exact")]


def test_folding_can_be_off() -> None:
    annotations, _ = parse_reply(answer("new york"))
    mentions, drops = place("In New York", annotations, folded="never")
    assert not mentions
    assert [drop.reason for drop in drops] == ["not_found"]


@pytest.mark.parametrize(
    "text, entity, expected",
    [
        # case and Unicode
        ("İİİ İZMİR and Ankara", "Izmir", "İZMİR"),
        ("DIYARBAKIR fell", "Diyarbakır", "DIYARBAKIR"),
        ("Die STRASSE ist lang", "Straße", "STRASSE"),
        ("Die Straße ist lang", "STRASSE", "Straße"),
        ("The ﬁlm festival", "film festival", "ﬁlm festival"),
        ("ΟΔΥΣΣΕΥΣ came", "Οδυσσευς", "ΟΔΥΣΣΕΥΣ"),
        ("Cafe\u0301 Flore", "Café Flore", "Cafe\u0301 Flore"),
        ("Việt Nam", unicodedata.normalize("NFD", "Việt Nam"), "Việt Nam"),
        # quotes, dashes, spaces, no width
        ("the “new” Hamlet", '"NEW" Hamlet', "“new” Hamlet"),
        ("Rock ’n’ Roll", "Rock 'n' Roll", "Rock ’n’ Roll"),
        ("the Paris–Dakar race", "Paris-Dakar", "Paris–Dakar"),
        ("a jean-paul gaultier", "Jean\u2011Paul Gaultier", "jean-paul gaultier"),
        ("New\t\r\nYork", "New York", "New\t\r\nYork"),
        ("New York", "New  York", "New York"),
        ("New\u200b York", "New York", "New\u200b York"),
        ("inter\u00adnational law", "international law", "inter\u00adnational law"),
        ("Wait… what", "Wait... what", "Wait… what"),
        ("東\u3000京 here", "東 京", "東\u3000京"),
    ],
)
def test_folded(text: str, entity: str, expected: str) -> None:
    assert found(text, answer(entity)) == [(expected, "folded")]


@pytest.mark.parametrize(
    "text, entity",
    [
        ("*NSYNC played", "*NSYNC"),
        ("In 2018 it rained", "2018"),
        ("1. FC Köln won", "1. FC Köln"),
        ("We like C++ a lot", "C++"),
        ("Use .NET here", ".NET"),
        ("The (RED) campaign", "(RED)"),
        ("cost $5.00 (five)", "$5.00"),
        ("a+b*c? Yes [x]", "a+b*c?"),
        ("I ❤️ Paris 👩‍🚒 lots", "👩‍🚒"),
        ("2018年に", "2018"),
        ("AKB48の東京公演", "東京"),
        ("ประเทศไทย", "ไทย"),
        ("Paris's bridges", "Paris"),
        ("the cat-like Cat", "cat"),
    ],
)
def test_exact(text: str, entity: str) -> None:
    assert (entity, "exact") in found(text, answer(entity))


@pytest.mark.parametrize(
    "text, reply, expected",
    [
        # the form that stands in the text wins
        ("Bonn met FC Köln", "1. FC Köln <> club", ["FC Köln"]),
        ("Bonn met 1. FC Köln", "1. FC Köln <> club", ["1. FC Köln"]),
        ("NSYNC played", "*NSYNC <> band", ["NSYNC"]),
        ('He sang "Heroes" twice', '"Heroes" <> song', ['"Heroes"']),
        ("He sang Heroes twice", '"Heroes" <> song', ["Heroes"]),
        ("In Paris", "**Paris** <> city", ["Paris"]),
        ("In Paris and Rome", "- Paris <> city\n- Rome <> city", ["Paris", "Rome"]),
        ("1. Paris 2. Rome", "1. Paris <> city\n2. Rome <> city", ["Paris", "Rome"]),
    ],
)
def test_form_that_stands_in_the_text(
    text: str, reply: str, expected: list[str]
) -> None:
    assert found(text, reply) == [(entity, "exact") for entity in expected]


@pytest.mark.parametrize(
    "text, entity, reason",
    [
        ("A Parisian", "Paris", "inside_word"),
        ("rock_and_roll", "rock", "inside_word"),
        ("It costs 3.5 million", "5 million", "inside_word"),
        ("It costs 3,500", "3", "inside_word"),
        ("It left at 9:01", "9", "inside_word"),
        ("Cafe\u0301 Flore", "Cafe", "inside_word"),
        ("Straße", "Stras", "inside_word"),
        ("Straße", "Stra", "inside_word"),
        ("👩‍🚒 came", "👩", "inside_word"),
        ("👍🏽 yes", "👍", "inside_word"),
        ("Paris", "Rome", "not_found"),
        ("", "Rome", "not_found"),
        (" \n ", "Rome", "not_found"),
    ],
)
def test_not_placed(text: str, entity: str, reason: str) -> None:
    mentions, drops = place_reply(text, answer(entity))
    assert not mentions
    assert drops == [Drop(0, f"{entity} <> thing <> x", reason)]


def test_nested_mentions_and_two_concepts_on_a_span() -> None:
    text = "The Bank of England met."
    reply = "Bank of England <> bank <> x\nEngland <> country <> y\nEngland <> land"
    mentions, drops = place_reply(text, reply)
    assert mentions == [
        Mention(4, 19, "bank", "x", "exact", 0),
        Mention(12, 19, "country", "y", "exact", 1),
        Mention(12, 19, "land", "", "exact", 2),
    ]
    assert not drops


def test_same_entity_three_times() -> None:
    text = "Go, go, Go! Gone; Go."
    mentions, _ = place_reply(text, answer("Go"))
    assert [(m.start, m.end) for m in mentions] == [(0, 2), (8, 10), (18, 20)]


def test_occurrences_of_one_entity_do_not_overlap() -> None:
    mentions, _ = place_reply("tic tic tic", answer("tic tic"))
    assert [(m.start, m.end) for m in mentions] == [(0, 7)]


def test_duplicate_lines() -> None:
    reply = (
        "Paris <> city <> a\nPARIS <> City <> b\nParis <> town <> c\n- Paris <> city"
    )
    mentions, drops = place_reply("Paris", reply)
    assert [(m.concept, m.description) for m in mentions] == [
        ("city", "a"),
        ("town", "c"),
    ]
    assert [(d.line, d.reason) for d in drops] == [(1, "duplicate"), (3, "duplicate")]


@pytest.mark.parametrize("concept", ["concept", "Concept", " **CONCEPT** "])
def test_sentence_with_generic_concept_is_left_out(concept: str) -> None:
    reply = f"Sure:\nParis <> city <> x\n\nlove <> {concept} <> y\nParis <> city"
    mentions, drops = place_reply("Paris is love", reply)
    assert not mentions
    assert [drop.line for drop in drops] == [0, 1, 3, 4]
    assert {drop.reason for drop in drops} == {"generic_concept"}


def test_header_is_no_generic_concept() -> None:
    reply = "entity <> concept <> description\nParis <> city <> x"
    mentions, drops = place_reply("Paris", reply)
    assert [m.concept for m in mentions] == ["city"]
    assert [d.reason for d in drops] == ["header"]


def test_description_with_separators() -> None:
    mentions, _ = place_reply("Paris", "Paris <> city <> a <> b < c")
    assert mentions[0].description == "a <> b < c"


def test_reply_of_pure_noise() -> None:
    mentions, drops = place_reply("Paris", "I'm sorry.\nI can't do that.")
    assert not mentions
    assert [d.reason for d in drops] == ["noise", "noise"]


def test_sample_replies_are_placed_whole(sample_records: list[dict[str, str]]) -> None:
    for record in sample_records:
        mentions, drops = place_reply(record["text"], record["response"])
        assert not drops
        assert {m.line for m in mentions} == {
            index for index, _ in reply_lines(record["response"])
        }
        entities = [
            line.split(" <> ")[0] for _, line in reply_lines(record["response"])
        ]
        for m in mentions:
            assert record["text"][m.start : m.end] == entities[m.line]


PIECES = st.sampled_from(
    [
        *("Paris", "paris", "İstanbul", "ß", "ﬁ", "e\u0301", "’", "'", "–", "-", " "),
        *("  ", "\n", "\xa0", "\u200b", "<>", " <> ", "<", " < ", "1. ", "- ", "**"),
        *('"', "|", "concept", "city", "2018", "3.5", "東京", "は", "`", "entity", ":"),
        *("_", "\N{WOMAN}\u200d\N{FIRE ENGINE}"),
    ]
)
WILD = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=WILD, reply=WILD)
def test_every_line_ends_as_mention_or_drop(text: str, reply: str) -> None:
    mentions, drops = place_reply(text, reply)
    placed = {mention.line for mention in mentions}
    dropped = [drop.line for drop in drops]
    lines = dict(reply_lines(reply))
    assert len(lines) == len(placed) + len(drops)
    assert placed.isdisjoint(dropped)
    assert placed | set(dropped) == set(lines)
    assert all(drop.reason in REASONS for drop in drops)
    assert all(drop.content == lines[drop.line] for drop in drops)
    assert all(0 <= m.start < m.end <= len(text) for m in mentions)
    assert len({m[:3] for m in mentions}) == len(mentions)


@settings(max_examples=200, deadline=None)
@given(before=WILD, after=WILD, entity=st.text("abcXYZé", min_size=1, max_size=6))
def test_what_stands_there_is_found(before: str, after: str, entity: str) -> None:
    text = f"{before} {entity} {after}"
    start = len(before) + 1
    mentions, _ = place_reply(text, f"{entity} <> thing <> x")
    exact = [(m.start, m.end) for m in mentions if m.match == "exact"]
    assert (start, start + len(entity)) in exact
    assert all(text[start:end] == entity for start, end in exact)
