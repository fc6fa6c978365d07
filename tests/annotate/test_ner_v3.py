"""The repaired parser beside the shipped one, on the same replies."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from spacy_llm.tasks.ner import make_ner_task_v3
from spacy_llm.util import assemble

from spacy_nuner.annotate.ner_v3 import make_ner_v3_parser

RECORDINGS = Path(__file__).parent.parent.parent / "assets" / "sample" / "llm_ner_v3"
NLP = spacy.blank("en")
LABELS = ["PER", "LOC", "ORG"]


def entities(
    text: str, reply: str, *, repaired: bool, words: list[str] | None = None
) -> list[tuple[str, str]]:
    parser = make_ner_v3_parser() if repaired else None
    task = make_ner_task_v3(labels=LABELS, parse_responses=parser)
    doc = Doc(NLP.vocab, words) if words else NLP.make_doc(text)
    (doc,) = task.parse_responses([[doc]], [[reply]])
    return [(ent.text, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize(
    "text, reply, shipped, ours",
    [
        # 1: the first hit is inside of a longer word
        (
            "A Parisian left Paris.",
            "1. Paris | True | LOC | city",
            [],
            [("Paris", "LOC")],
        ),
        ("The bus left the US today.", "1. US | True | LOC | x", [], [("US", "LOC")]),
        # 2: answers out of order
        (
            "Paris loves Rome.",
            "1. Rome | True | LOC | x\n2. Paris | True | LOC | x",
            [("Rome", "LOC")],
            [("Paris", "LOC"), ("Rome", "LOC")],
        ),
        # 3: one line, two mentions
        (
            "Paris is Paris.",
            "1. Paris | True | LOC | x",
            [("Paris", "LOC")],
            [("Paris", "LOC"), ("Paris", "LOC")],
        ),
        # 4: "İ".lower() is longer than "İ"
        (
            "İstanbul hosted Steven Means.",
            "1. Steven Means | True | PER | x",
            [("Means.", "PER")],
            [("Steven Means", "PER")],
        ),
        # 5: white space, Unicode form, quotes
        (
            "New\nYork won.",
            "1. New York | True | LOC | x",
            [],
            [("New\nYork", "LOC")],
        ),
        (
            "In Zürich.",
            "1. Zu\u0308rich | True | LOC | x",
            [],
            [("Zürich", "LOC")],
        ),
        (
            "Rory O’Neill sang.",
            "1. Rory O'Neill | True | PER | x",
            [],
            [("Rory O’Neill", "PER")],
        ),
        # 6: lines that are not numbered as asked
        ("The U.S. won.", "U.S. | True | LOC | x", [], [("U.S.", "LOC")]),
        (
            "See Dr. Smith now.",
            "- Dr. Smith | True | PER | x",
            [("Smith", "PER")],
            [("Dr. Smith", "PER")],
        ),
        ("Buy Apple now.", "2) Apple | True | ORG | x", [], [("Apple", "ORG")]),
        # 7: "|" in the reason
        (
            "Paris won.",
            "1. Paris | True | LOC | city | in France",
            [],
            [("Paris", "LOC")],
        ),
    ],
)
def test_fault(
    text: str,
    reply: str,
    shipped: list[tuple[str, str]],
    ours: list[tuple[str, str]],
) -> None:
    assert entities(text, reply, repaired=False) == shipped
    assert entities(text, reply, repaired=True) == ours


@pytest.mark.parametrize(
    "text, reply, expected",
    [
        ("Paris", "1. Paris | True | LOC | x", [("Paris", "LOC")]),
        ("Paris", "1. Paris | true | loc | x", [("Paris", "LOC")]),
        ("Paris", "1. Paris | False | ==NONE== | x", []),
        ("Paris", "1. Paris | False | LOC | x", []),
        ("Paris", "1. Paris | True | ==NONE== | x", []),
        ("Paris", "1. Paris | True | CITY | x", []),
        ("Paris", "1. Paris | True | LOC", [("Paris", "LOC")]),
        ("Paris", "Paris | LOC | x", [("Paris", "LOC")]),
        ("Paris", "| Paris | True | LOC | x |", [("Paris", "LOC")]),
        ("Paris", "1. **Paris** | True | **LOC** | x", [("Paris", "LOC")]),
        ("AT|T rose", "1. AT|T | True | ORG | x", [("AT|T", "ORG")]),
        ("Paris", "Sure!\n\n| True | LOC | x\nParis", []),
        ("Paris", "", []),
        ("Paris", "1. Rome | True | LOC | x", []),
        # nested: the task keeps the longest
        (
            "Bank of England met.",
            "1. England | True | LOC | x\n2. Bank of England | True | ORG | x",
            [("Bank of England", "ORG")],
        ),
        # several verdicts on one string go to its occurrences in order
        (
            "Paris met Paris.",
            "1. Paris | True | PER | x\n2. Paris | True | LOC | x",
            [("Paris", "PER"), ("Paris", "LOC")],
        ),
        (
            "Apple ate Apple.",
            "1. Apple | True | ORG | x\n2. Apple | False | ==NONE== | fruit",
            [("Apple", "ORG")],
        ),
    ],
)
def test_reply(text: str, reply: str, expected: list[tuple[str, str]]) -> None:
    assert entities(text, reply, repaired=True) == expected


def test_no_part_of_a_token_becomes_an_entity() -> None:
    reply = "1. Paris | True | LOC | x"
    assert entities("", reply, repaired=True, words=["Paris-Nord", "Paris"]) == [
        ("Paris", "LOC")
    ]


@pytest.mark.parametrize("kw", ["kw0", "kw8"])
@pytest.mark.parametrize("repaired", [True, False], ids=["repaired", "shipped"])
def test_recorded_prompts_and_entities(
    kw: str, repaired: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(RECORDINGS)
    parser = {"@misc": "spacy-nuner.NERv3Parser.v1"}
    overrides = {"components.llm.save_io": True}
    if repaired:
        overrides["components.llm.task.parse_responses"] = parser  # type: ignore[assignment]
    nlp = assemble(RECORDINGS / f"gallery.{kw}.cfg", overrides=overrides)
    records = read(RECORDINGS / f"gallery.{kw}.replies.jsonl")[:80]
    docs = list(nlp.pipe(record["text"] for record in records))
    for doc, record in zip(docs, records, strict=True):
        llm_io = doc.user_data["llm_io"]["llm"]
        (prompt,), (reply,) = llm_io["prompt"], llm_io["response"]
        digest = hashlib.sha256(prompt.encode("utf8")).hexdigest()
        assert digest == record["prompt_sha256"]
        assert reply == record["response"]
    assert sum(len(doc.ents) for doc in docs) > 80
    labels = {ent.label_ for doc in docs for ent in doc.ents}
    assert labels == set(nlp.get_pipe("llm").labels)


def read(path: Path) -> list[dict[str, str]]:
    lines: Iterable[str] = path.read_text(encoding="utf8").splitlines()
    return [json.loads(line) for line in lines]
