"""Literal replies in, annotations and drops out; also broken ones."""

import pytest

from spacy_nuner.annotate.replies.parser import REASONS, parse_reply, reply_lines


def read(reply: str) -> list[tuple[str, str, str]]:
    annotations, drops = parse_reply(reply)
    assert not drops
    return [(a.entity, a.concept, a.description) for a in annotations]


@pytest.mark.parametrize(
    "line, entity, concept, description",
    [
        ("Falcons <> NFL team <> a team", "Falcons", "nfl team", "a team"),
        ("Falcons<>NFL team<>a team", "Falcons", "nfl team", "a team"),
        ("  Falcons <> NFL team <> a team \r", "Falcons", "nfl team", "a team"),
        ("Falcons <>  NFL \t team <> x", "Falcons", "nfl team", "x"),
        ("Falcons <> team", "Falcons", "team", ""),
        ("Falcons <> team <>", "Falcons", "team", ""),
        ("Falcons <> team <> a <> b <> c", "Falcons", "team", "a <> b <> c"),
        ("Falcons < > team < > a team", "Falcons", "team", "a team"),
        ("Falcons &lt;&gt; team &lt;&gt; a team", "Falcons", "team", "a team"),
        ("Falcons ＜＞ team ＜＞ a team", "Falcons", "team", "a team"),
        ("Falcons < NFL team < a team", "Falcons", "nfl team", "a team"),
        ("Falcons < NFL team", "Falcons", "nfl team", ""),
        ("Falcons <> NFL team < a team", "Falcons", "nfl team", "a team"),
        ("Falcons < NFL team <> a team", "Falcons", "nfl team", "a team"),
        ("p < 0.05 <> significance level", "p < 0.05", "significance level", ""),
        ("p < 0.05 <> level <> a < b", "p < 0.05", "level", "a < b"),
        ("1. Falcons <> team <> x", "Falcons", "team", "x"),
        ("2) Falcons <> team <> x", "Falcons", "team", "x"),
        ("(3) Falcons <> team <> x", "Falcons", "team", "x"),
        ("[4] Falcons <> team <> x", "Falcons", "team", "x"),
        ("a) Falcons <> team <> x", "Falcons", "team", "x"),
        ("- Falcons <> team <> x", "Falcons", "team", "x"),
        ("* Falcons <> team <> x", "Falcons", "team", "x"),
        ("• Falcons <> team <> x", "Falcons", "team", "x"),
        ("•Falcons <> team <> x", "Falcons", "team", "x"),
        ("> Falcons <> team <> x", "Falcons", "team", "x"),
        ("- **Falcons** <> *team* <> _x_", "Falcons", "team", "x"),
        ("1. **Falcons** <> team <> x", "Falcons", "team", "x"),
        ("**1. Falcons** <> team <> x", "Falcons", "team", "x"),
        ("**Falcons <> team <> x**", "Falcons", "team", "x"),
        ("`Falcons` <> `team` <> `x`", "Falcons", "team", "x"),
        ("`Falcons <> team <> x`", "Falcons", "team", "x"),
        ('"Falcons" <> "team" <> "x"', "Falcons", "team", "x"),
        ('"Falcons <> team <> x"', "Falcons", "team", "x"),
        ("“Falcons” <> team <> x", "Falcons", "team", "x"),
        ("[Falcons] <> [team] <> [x]", "Falcons", "team", "x"),
        ("| Falcons <> team <> x |", "Falcons", "team", "x"),
        ("| Falcons | NFL team | x |", "Falcons", "nfl team", "x"),
        ("| 1 | Falcons | NFL team | x |", "Falcons", "nfl team", "x"),
        ("Entity: Falcons <> Concept: team <> Description: x", "Falcons", "team", "x"),
        ('Falcons <> team <> the "birds"', "Falcons", "team", 'the "birds"'),
        ("Falcons <> team, <> x", "Falcons", "team", "x"),
        ("東京 <> 都市 <> x", "東京", "都市", "x"),
    ],
)
def test_line(line: str, entity: str, concept: str, description: str) -> None:
    assert read(line) == [(entity, concept, description)]


@pytest.mark.parametrize(
    "line, reason",
    [
        ("Here are the entities:", "noise"),
        ("```", "noise"),
        ("```text", "noise"),
        ("|---|---|---|", "noise"),
        ("| a | b | c | d | e |", "noise"),
        ("pressure < 5 bar", "noise"),
        ("x < y", "noise"),
        ("\u200b", "noise"),
        ("one word < two words < three < four", "ambiguous"),
        ("entity <> concept <> description", "header"),
        ("Entity <> Concept <> Description", "header"),
        ("**Entity** <> **Concept** <> **Description**", "header"),
        (
            "entity from the text <> entity concept <> "
            "description of entity group/concept",
            "header",
        ),
        ("| Entity | Concept | Description |", "header"),
        ("<> team <> x", "no_entity"),
        ("- <> team <> x", "no_entity"),
        ("** <> team <> x", "no_entity"),
        ("1. <> team <> x", "no_entity"),
        ("2) <> team", "no_entity"),
        ("Falcons <>", "no_concept"),
        ("Falcons <> <> x", "no_concept"),
        ("Falcons <> ** <> x", "no_concept"),
        ("Falcons <> - <> x", "no_concept"),
        ("<>", "no_entity"),
        ("<><>", "no_entity"),
    ],
)
def test_drop(line: str, reason: str) -> None:
    annotations, drops = parse_reply(f"Falcons <> team <> x\n\n{line}\n")
    assert [a.entity for a in annotations] == ["Falcons"]
    assert drops == [(2, line, reason)]
    assert reason in REASONS


@pytest.mark.parametrize(
    "entity",
    [
        *("2018", "1. FC Köln", "C++", ".NET", "*NSYNC", "3.5 million", "'90s"),
        *("(RED)", '"Heroes"', "E=mc²", "A. Smith", "10:30", "#1", "$5", "@home"),
        "-40 °C",
    ],
)
def test_entity_as_written_is_looked_for_first(entity: str) -> None:
    annotations, _ = parse_reply(f"{entity} <> thing <> x\nother <> thing <> x")
    assert annotations[0].forms[0] == entity


@pytest.mark.parametrize(
    "reply, forms",
    [
        ("1. Paris <> city\n2. Rome <> city", [("Paris", "1. Paris")]),
        ("- Paris <> city\n- Rome <> city", [("Paris", "- Paris")]),
        ('"Paris" <> city\n"Rome" <> city', [("Paris", '"Paris"')]),
        (
            "1. 1. FC Köln <> club\n2. Bonn <> city",
            [("1. FC Köln", "FC Köln", "1. 1. FC Köln")],
        ),
        # both begin with the same number: names, not a list
        ("1. FC Köln <> club\n1. FSV Mainz <> club", [("1. FC Köln", "FC Köln")]),
        (
            "1. **Paris** <> city\n2. **Rome** <> city",
            [("Paris", "**Paris**", "1. **Paris**")],
        ),
    ],
)
def test_style_of_all_lines_comes_off_first(
    reply: str, forms: list[tuple[str, ...]]
) -> None:
    annotations, _ = parse_reply(reply)
    assert [annotation.forms for annotation in annotations[:1]] == forms


def test_list_may_begin_at_any_number() -> None:
    annotations, _ = parse_reply("preface\n7. Paris <> city\n\n8. Rome <> city")
    assert [a.forms[0] for a in annotations] == ["Paris", "Rome"]
    assert [a.line for a in annotations] == [1, 3]


@pytest.mark.parametrize("reply", ["", "\n", " \n\t\n\r\n"])
def test_empty_reply(reply: str) -> None:
    assert parse_reply(reply) == ([], [])
    assert reply_lines(reply) == []


def test_lines_keep_their_index_and_text() -> None:
    annotations, drops = parse_reply("\r\n- Paris <> city\r\n\r\nbye\r\n")
    assert (annotations[0].line, annotations[0].content) == (1, "- Paris <> city")
    assert drops == [(3, "bye", "noise")]
