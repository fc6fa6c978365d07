import gzip
import json
from pathlib import Path

import pytest

from spacy_nuner.corpus.sources import Reply, Text, read_replies, read_texts

RECORD = {
    "key": "k",
    "model": "m",
    "prompt_sha256": "p",
    "id": "a",
    "text": "Ada.",
    "response": "Ada <> person <> ",
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def test_texts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        '{"id": 7, "text": "One.", "url": "x"}',
        "",
        '{"text": "Two\u2028three."}',
    )
    assert list(read_texts(path)) == [
        Text("7", "One."),
        Text("a.jsonl:3", "Two\u2028three."),
    ]
    assert list(read_texts(path, limit=1)) == [Text("7", "One.")]


def test_folder_of_gzipped_shards(tmp_path: Path) -> None:
    for name, text in (("b.json.gz", "Later."), ("a.json.gz", "Earlier.")):
        with gzip.open(tmp_path / name, "wt", encoding="utf8") as file:
            file.write(json.dumps({"text": text}) + "\n")
    (tmp_path / "notes.txt").write_text("not a shard")
    assert [text.text for text in read_texts(tmp_path)] == ["Earlier.", "Later."]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="N203"):
        list(read_texts(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"N001.*none\.jsonl"):
        list(read_texts(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"id": "a", "text": "cut o', "bad JSON"),
        ('["a", "b"]', "not an object"),
        ('{"id": "a"}', "record without text"),
        ('{"id": "a", "text": " \\n"}', "record without text"),
        ('{"id": "a", "text": 3}', "record without text"),
        ('{"id": "a", "text": "half a pair \\ud83d"}', "record without text"),
        ("\udcff".encode("utf8", "surrogateescape").decode("latin1"), "bad JSON"),
    ],
)
def test_bad_record_names_file_and_line(
    tmp_path: Path, line: str, problem: str
) -> None:
    path = write(tmp_path / "bad.jsonl", '{"id": "x", "text": "Fine."}', line)
    with pytest.raises(ValueError, match=rf"N003.*bad\.jsonl, line 2.*{problem}"):
        list(read_texts(path))


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    path.write_bytes('{"id": "a", "text": "Zürich"}\n'.encode("latin1"))
    with pytest.raises(ValueError, match=r"latin\.jsonl, line 1: bad JSON"):
        list(read_texts(path))


def test_replies(tmp_path: Path) -> None:
    path = write(tmp_path / "replies.jsonl", json.dumps(RECORD))
    assert list(read_replies(path)) == [
        Reply("a", "Ada.", RECORD["response"], "m", "p")
    ]


def test_half_a_surrogate_pair_in_a_reply(tmp_path: Path) -> None:
    record = json.dumps({**RECORD, "response": "Ada \ud83d <> person"})
    (reply,) = read_replies(write(tmp_path / "replies.jsonl", record))
    assert reply.response == "Ada ? <> person"


def test_replies_to_another_prompt(tmp_path: Path) -> None:
    ner = {"prompt_sha256": "p", "text": "Ada.", "response": "1. Ada | True | PER | x"}
    path = write(tmp_path / "ner.jsonl", json.dumps(ner))
    with pytest.raises(ValueError, match=r"N202.*ner\.jsonl, line 1.*key, model, id"):
        list(read_replies(path))


def test_response_that_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", json.dumps({**RECORD, "response": None}))
    with pytest.raises(ValueError, match=r"N003.*\"response\" is no string"):
        list(read_replies(path))
