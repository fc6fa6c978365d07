"""Published annotations: NuNER's rows, Pile-NER's conversations, GLiNER's records."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.corpus.imports import import_rows, parse_list, read_rows
from spacy_nuner.corpus.stats import PlacedReply, account_for_drops

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
GLINER = DATASETS / "nuner_sample" / "sample_data.json"
SLIMER = DATASETS / "pile_ner_type_subset" / "TrueDef_validation.jsonl.gz"

ROWS = [
    (
        "Ada Lovelace lived in London, and London was proud.",
        ["Ada Lovelace <> person <> a mathematician", "London <> city <> a place"],
    ),
    ("It's 5 o'clock — \"really\".", ["5 o'clock <> time", "Eve <> person"]),
    ("Two\nlines, and a comma", ["comma <> punctuation mark"]),
]


def load(path: Path, format: str, **settings: object) -> list[PlacedReply]:
    """Import a file; every line is a mention or a drop."""
    replies = list(import_rows(path, format, place_reply, **settings))
    for reply in replies:
        placed = {mention.line for mention in reply.mentions}
        n_dropped = sum(drop.n_lines for drop in account_for_drops(reply))
        assert reply.n_lines == len(placed) + n_dropped
    return replies


def read_mentions(reply: PlacedReply) -> list[tuple[str, str]]:
    return [(reply.text[m.start : m.end], m.concept) for m in reply.mentions]


def write_csv(path: Path, rows: list[tuple[str, object]]) -> Path:
    """As the published files: the list is what Python's repr makes of it."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["input", "output"])
        writer.writerows((text, str(cell)) for text, cell in rows)
    return path


@pytest.mark.parametrize("name", ["full.csv", "full.csv.gz"])
def test_rows_of_nuner(tmp_path: Path, name: str) -> None:
    replies = load(write_csv(tmp_path / name, ROWS), "nuner")
    assert [reply.text for reply in replies] == [text for text, _ in ROWS]
    assert read_mentions(replies[0]) == [
        ("Ada Lovelace", "person"),
        ("London", "city"),
        ("London", "city"),
    ]
    assert replies[0].mentions[0].description == "a mathematician"
    assert read_mentions(replies[1]) == [("5 o'clock", "time")]
    assert [drop.reason for drop in replies[1].drops] == ["not_found"]
    # A row begins where the one before ends, also if that has several lines
    assert [reply.id for reply in replies] == [f"{name}:{n}" for n in (2, 3, 4)]


@pytest.mark.parametrize("as_text", [True, False])
def test_rows_of_nuner_as_json_lines(tmp_path: Path, as_text: bool) -> None:
    path = tmp_path / "rows.jsonl"
    records = [
        {"input": text, "output": str(items) if as_text else items}
        for text, items in ROWS
    ]
    path.write_text("\n".join(json.dumps(record) for record in records))
    expected = load(write_csv(tmp_path / "rows.csv", ROWS), "nuner")
    assert [reply.mentions for reply in load(path, "nuner")] == [
        reply.mentions for reply in expected
    ]


def test_limit(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", ROWS)
    assert len(load(path, "nuner", limit=2)) == 2


def test_filter_of_the_paper_takes_the_sentence(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "x.csv", [("Ada met Bob", ["Ada <> person", "x <> concept"])]
    )
    (reply,) = load(path, "nuner")
    assert not reply.mentions
    assert [drop.reason for drop in reply.drops] == ["generic_concept"] * 2


@pytest.mark.parametrize(
    "cell,expected",
    [
        ("['a <> b', \"it's <> c\"]", ["a <> b", "it's <> c"]),
        ('["a <> b"]', ["a <> b"]),
        (' ["\\u00e9 <> b", null] ', ["é <> b", "None"]),
        ("['\\d <> b']", ["\\d <> b"]),
        ("[]", []),
        (["a"], ["a"]),
        ("['a <> b', 'c <> ", None),
        ("a <> b", None),
        ("{'a': 1}", None),
        ("__import__('os').getcwd()", None),
        ("[x for x in 'ab']", None),
        ("[" * 10_000, None),
        ("['a\x00']", None),
        ("", None),
        (None, None),
        (3.5, None),
    ],
)
def test_cells(cell: object, expected: list[str] | None) -> None:
    """Literals alone are read: nothing in a cell is run."""
    assert parse_list(cell) == expected


def test_cell_that_is_no_list_is_a_drop(tmp_path: Path) -> None:
    rows: list[tuple[str, object]] = [ROWS[0], ("Ada", "['Ada <> person"), ROWS[1]]
    path = write_csv(tmp_path / "cut.csv", rows)
    replies = load(path, "nuner")
    assert len(replies) == 3 and not replies[1].mentions
    (drop,) = replies[1].drops
    assert (drop.reason, replies[1].n_lines) == ("unreadable", 1)
    assert drop.content == "line 3: ['Ada <> person"


@pytest.mark.parametrize(
    "content,error",
    [
        ("text,labels\na,b\n", r"N241.*rows\.csv, line 2.*text, labels"),
        ("input,output\n,['a <> b']\n", r"N003.*rows\.csv, line 2.*without text"),
        ("input,output\na,[]\nb,[],c\n", r"N214.*rows\.csv, line 3.*1 cells too many"),
        ('input,output\na,[]\nb,"[]"x\n', r"N214.*rows\.csv, line 3: bad row"),
        ("input,output\na\n\xff", r"N217.*rows\.csv.*UTF-8"),
    ],
)
def test_bad_rows_name_file_and_line(tmp_path: Path, content: str, error: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content.encode("latin1"))
    with pytest.raises(ValueError, match=error):
        load(path, "nuner")


def converse(text: str, answers: dict[str, str]) -> dict[str, object]:
    values = [f"Text: {text}", "I've read this text."]
    for concept, answer in answers.items():
        values += [f"What describes {concept} in the text?", answer]
    turns = [
        {"from": "gpt" if n % 2 else "human", "value": value}
        for n, value in enumerate(values)
    ]
    return {"id": "ner_0", "conversations": turns}


@pytest.mark.parametrize("is_list", [True, False])
def test_conversations_of_pile_ner(tmp_path: Path, is_list: bool) -> None:
    records = [
        converse(
            "Ada met Bob  in Oslo.",
            {"Person": '["Ada", "Bob"]', "a city": '["Oslo"]', "date": "[]"},
        ),
        converse("Text: what?", {"concept": '["what"]', "word": "['what', \"it's\"]"}),
        converse("Ada left", {"person": '["Ada"'}),
        converse("Ada met Bob  in Oslo.", {"verb": '["met"]'}),
    ]
    path = tmp_path / "train.json"
    lines = "\n".join(json.dumps(record) for record in records)
    path.write_text(json.dumps(records) if is_list else lines)
    replies = load(path, "pile-ner")
    # What two records say of one passage is put together
    assert [reply.text for reply in replies] == [
        "Ada met Bob  in Oslo.",
        "Text: what?",
        "Ada left",
    ]
    assert read_mentions(replies[0]) == [
        ("Ada", "person"),
        ("met", "verb"),
        ("Bob", "person"),
        ("Oslo", "a city"),
    ]
    assert [drop.reason for drop in replies[2].drops] == ["unreadable"]
    place = f"{'record' if is_list else 'line'} 3"
    assert replies[2].drops[0].content == f'{place}: person: ["Ada"'


@pytest.mark.parametrize(
    "format,record,code,error",
    [
        ("pile-ner", {"text": "a"}, "N214", r"record 1.*Pile-NER.*Got: text"),
        ("pile-ner", {"conversations": []}, "N214", "record 1: not a conversation"),
        ("pile-ner", {"conversations": [{"value": "Hi"}]}, "N214", "record 1: not a c"),
        ("pile-ner", {"tagName": "x", "input": " ", "output": "[]"}, "N003", "line 1"),
        ("gliner", {"tokenized_text": ["a"]}, "N214", r"record 1.*GLiNER"),
        (
            "gliner",
            {"tokenized_text": ["a"], "ner": [[0, 1, "x"]]},
            "N214",
            "record 1: span outside",
        ),
        (
            "gliner",
            {"tokenized_text": ["a"], "ner": [["x", 1, "x"]]},
            "N214",
            r"record 1.*GLiNER",
        ),
        ("gliner", 3, "N214", "record 1: not an object"),
    ],
)
def test_bad_records_name_file_and_place(
    tmp_path: Path, format: str, record: object, code: str, error: str
) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps([record]))
    with pytest.raises(ValueError, match=rf"{code}.*data\.json, {error}"):
        load(path, format)


def test_file_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('[{"tokenized_text": ["a"]')
    with pytest.raises(ValueError, match=r"N214.*data\.json.*bad JSON"):
        load(path, "gliner")


def test_records_of_gliner(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    record = {
        "tokenized_text": ["Ada", "Lovelace", "met", "Bob", "and", "Bob", "."],
        "ner": [[0, 1, "Person"], [3, 3, "friend"], [5, 5, "friend"]],
    }
    path.write_text(json.dumps([record]), encoding="utf-8-sig")
    (reply,) = load(path, "gliner")
    assert reply.text == "Ada Lovelace met Bob and Bob ."
    assert read_mentions(reply) == [
        ("Ada Lovelace", "person"),
        ("Bob", "friend"),
        ("Bob", "friend"),
    ]
    assert [drop.reason for drop in reply.drops] == ["duplicate"]


def test_formats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"N240.*'xml'.*journal.*nuner, pile-ner"):
        read_rows(tmp_path / "x", "xml")
    with pytest.raises(FileNotFoundError, match="N001"):
        read_rows(tmp_path / "gone.csv", "nuner")
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"N242.*to_csv"):
        read_rows(tmp_path / "train.parquet", "nuner")


def test_rows_give_what_the_journal_gives(
    tmp_path: Path, sample_records: list[dict[str, str]]
) -> None:
    """The same replies, as rows of the published data and as our own."""
    rows: list[tuple[str, object]] = [
        (record["text"], record["response"].split("\n")) for record in sample_records
    ]
    replies = load(write_csv(tmp_path / "full.csv", rows), "nuner")
    for reply, record in zip(replies, sample_records, strict=True):
        ours = reply.mentions, reply.drops
        assert ours == place_reply(record["text"], record["response"])


@pytest.mark.skipif(not GLINER.exists(), reason="the data sets are not at hand")
def test_sample_of_nuner_data() -> None:
    """All entities of the sample that GLiNER's authors ship."""
    replies = load(GLINER, "gliner")
    reasons = Counter(drop.reason for reply in replies for drop in reply.drops)
    assert len(replies) == 64
    assert sum(reply.n_lines for reply in replies) == 236
    assert reasons == {"duplicate": 10}


@pytest.mark.skipif(not SLIMER.exists(), reason="the data sets are not at hand")
def test_slice_of_pile_ner(tmp_path: Path) -> None:
    with gzip.open(SLIMER, "rt", encoding="utf8") as file:
        lines = [line for line, _ in zip(file, range(300), strict=False)]
    path = tmp_path / "slice.jsonl"
    path.write_text("".join(lines), encoding="utf8")
    records = [json.loads(line) for line in lines]
    replies = load(path, "pile-ner")
    assert len(replies) == len({record["input"] for record in records}) < 300
    n_entities = sum(len(json.loads(record["output"])) for record in records)
    assert sum(reply.n_lines for reply in replies) == n_entities
    reasons = Counter(drop.reason for reply in replies for drop in reply.drops)
    assert set(reasons) <= {"generic_concept", "no_entity", "duplicate"}
    assert sum(reasons.values()) < 0.05 * n_entities
