"""The journal: appended, repaired, never asked twice."""

import json
from pathlib import Path

import pytest

from spacy_nuner.annotate.journal import Journal, Reply, make_key


def make_reply(key: str, response: str = "Paris <> city") -> Reply:
    return Reply(key, "model", "0" * 64, f"id-{key}", "In Paris…", response)


def test_append_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "annotations" / "replies.jsonl"
    with Journal(path) as journal:
        journal.append(make_reply("a"))
        # flushed: a reader sees it while the journal is open
        assert json.loads(path.read_text(encoding="utf8"))["id"] == "id-a"
        journal.append(make_reply("b", "a\nb \ud800"))
        journal.append(make_reply("a", "another answer"))
    with Journal(path) as journal:
        assert len(journal) == 2
        assert "a" in journal and "c" not in journal
        journal.append(make_reply("c"))
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [record["key"] for record in records] == ["a", "b", "c"]
    assert list(records[0]) == list(Reply._fields)


def test_every_cut_of_the_last_line_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with Journal(path) as journal:
        journal.append(make_reply("a"))
        journal.append(make_reply("b"))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            assert "a" in journal and len(journal) == 1
            journal.append(make_reply("b"))
        assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ["{oops", "[]", '{"key": "a", "text": "b"}'])
def test_damage_in_the_middle_is_told(line: str, tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"N003.*replies.jsonl, line 2"):
        Journal(path)


def test_key_changes_with_all_that_decides_a_reply() -> None:
    keys = {
        make_key("a", {"temperature": 0.0}, "dog bites man"),
        make_key("b", {"temperature": 0.0}, "dog bites man"),
        make_key("a", {"temperature": 0.7}, "dog bites man"),
        make_key("a", {}, "dog bites man"),
        make_key("a", {"temperature": 0.0}, "man bites dog"),
    }
    assert len(keys) == 5
    assert make_key("a", {"x": 1, "y": 2}, "p") == make_key("a", {"y": 2, "x": 1}, "p")
