import json
from collections import Counter
from pathlib import Path

import pytest

from spacy_nuner.corpus.texts.filters import FILTERS, choose_filters, find_reason
from spacy_nuner.corpus.texts.sentences import Piece
from spacy_nuner.corpus.texts.settings import TextSettings

SETTINGS = TextSettings()
SAMPLE = Path(__file__).parents[3] / "assets" / "sample" / "annotated.jsonl"


def reason(text: str, **settings: int) -> str:
    piece = Piece(text, len(text.split()))
    return find_reason(piece, choose_filters(), TextSettings(**settings))


@pytest.mark.parametrize(
    "text",
    [
        "TSMC's chairman C.C. Wei told shareholders in Hsinchu that demand will rise.",
        'She said: "The NATO summit in The Hague costs €183 million."',
        "It's 5 o'clock (so they say).",
        "Čapek's «R.U.R.» was first performed in Hradec Králové on 2 January 1921!",
        "Der Zug nach Zürich fährt heute um 9.30 Uhr.",
        "The cookie was invented by Ruth Wakefield in Whitman, Massachusetts.",
        "He was the best of the best, and the band knew it – didn't they?",
    ],
)
def test_good_sentences_pass(text: str) -> None:
    assert reason(text) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Read more now.", "too_short"),
        ("word " * 129 + ".", "too_long"),
        ("Paris is\x00 a city in France.", "control"),
        ("Paris \u202egnidliub\u202c is a city in France.", "control"),
        ("Paris is a city\U000e0041\U000e0042 in France.", "control"),
        ("Paris \ud83d is a city in France.", "control"),
        ("Par\ufffds is a city in France.", "control"),
        ("The page continues in the next", "no_end"),
        ("Please enable JavaScript in your browser to go on.", "boilerplate"),
        ("Lorem ipsum dolor sit amet, consectetur.", "boilerplate"),
        ("By using this site you accept our Terms of Service.", "boilerplate"),
        ("This website uses cookies to serve you better.", "boilerplate"),
        ("Copyright 2019 Acme Inc. All rights reserved.", "boilerplate"),
        ("See body { margin: 0 } for what it does.", "boilerplate"),
        ("The <b>bold</b> word is in the middle.", "boilerplate"),
        ("• Chop the onions and fry them in butter.", "list"),
        ("- Chop the onions and fry them in butter.", "list"),
        ("Home | News | Sport | Weather | Contact us.", "list"),
        ("See https://a.example and www.b.example for all of it.", "list"),
        ("The mayor of Lyon said on Monday that...", "symbols"),
        ("The mayor of Lyon said on Monday …", "symbols"),
        ("Call 555 1234 or 555 9876 Mon 9 to 5.", "symbols"),
        ("I love #cats and #dogs and #birds.", "symbols"),
        ("++ == // && ** so ** && // == ++.", "symbols"),
        ("BUY THE NEW ACME Roadrunner Trap TODAY!", "capitals"),
        ("W e a r e t h e c h a m p i o n s.", "odd_words"),
        (
            "Donaudampfschifffahrtsgesellschaft Kapitänspatentinhaber is it so.",
            "odd_words",
        ),
        ("very very very very good cars are for sale.", "repeated"),
        ("cheap car buy cheap car buy cheap car buy cheap car.", "repeated"),
    ],
)
def test_bad_sentences_do_not(text: str, expected: str) -> None:
    assert reason(text) == expected
    assert expected in FILTERS or expected.startswith("too_")


def test_what_could_not_be_split_keeps_its_reason() -> None:
    assert find_reason(Piece("x", 0, "cut"), choose_filters(), SETTINGS) == "cut"


def test_lengths_are_settings() -> None:
    text = "Read more here now."
    assert reason(text, min_tokens=4) == ""
    assert reason(text, min_tokens=1, max_tokens=3) == "too_long"


def test_filters_can_be_left_out() -> None:
    filters = choose_filters(["no_end"])
    assert list(filters) == [name for name in FILTERS if name != "no_end"]
    piece = Piece("The page continues in the next", 6)
    assert find_reason(piece, filters, SETTINGS) == ""
    with pytest.raises(ValueError, match=r"N255.*terminal.*control, no_end"):
        choose_filters(["terminal"])


def test_sample_sentences_mostly_pass() -> None:
    """The sample has headlines and menus; its running text should pass."""
    with SAMPLE.open(encoding="utf8") as file:
        texts = [json.loads(line)["text"] for line in file]
    running = [text for text in texts if text.endswith(".") and len(text) > 60]
    found = Counter(reason(" ".join(text.split())) for text in running)
    assert len(running) > 2000
    assert found[""] > 0.95 * len(running), found
