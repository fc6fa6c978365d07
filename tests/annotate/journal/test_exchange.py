"""Journal -> JSONL -> journal: nothing lost, nothing twice, faults named."""

import json
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.annotate.journal.exchange import export_replies, import_replies
from spacy_nuner.annotate.journal.store import Journal, read_journal
from spacy_nuner.annotate.recorded import hash_prompt, make_recorded_model

from .test_store import make_record

OLD: dict[str, Any] = {
    "key": "a" * 64,
    "model": "m",
    "prompt_sha256": "b" * 64,
    "id": "1",
    "text": "In Paris…",
    "response": "Paris <> city",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        journal.put(make_record("b", "x\ny", number=1, prompt_tokens=3, seconds=0.25))
        journal.put(make_record("failed", None, number=2))
        journal.put(make_record("a", number=0, turn=2, follows="e" * 64))
    return path


def write(path: Path, *records: Any) -> Path:
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def test_there_and_back(path: Path, tmp_path: Path) -> None:
    exported, copy = tmp_path / "out" / "replies.jsonl", tmp_path / "copy.sqlite"
    assert export_replies(path, exported) == 2
    records = [json.loads(line) for line in exported.read_bytes().splitlines()]
    assert [record["id"] for record in records] == ["id-a", "id-b"]
    assert list(records[0])[:6] == list(OLD)
    with Journal(copy) as journal:
        assert import_replies(exported, journal) == (2, 2)
        assert import_replies(exported, journal) == (2, 0)
    replied = [r for r in read_journal(path) if r.response is not None]
    assert list(read_journal(copy)) == replied
    assert [file.name for file in exported.parent.iterdir()] == [exported.name]


def test_journal_of_an_earlier_version(tmp_path: Path) -> None:
    old = write(tmp_path / "replies.jsonl", OLD, "", {**OLD, "key": "c" * 64})
    with Journal(tmp_path / "new.sqlite") as journal:
        assert import_replies(old, journal) == (2, 2)
        assert OLD["key"] in journal
    records = list(read_journal(tmp_path / "new.sqlite"))
    assert [(r.number, r.turn, r.response) for r in records] == [
        (0, 1, OLD["response"]),
        (1, 1, OLD["response"]),
    ]


def test_reply_replaces_a_failure_only(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {**OLD, "response": "imported"})
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.put(make_record("x", None, key=OLD["key"]))
        assert import_replies(file, journal) == (1, 1)
        write(file, {**OLD, "response": "later"})
        assert import_replies(file, journal) == (1, 0)
        found = journal.get(OLD["key"])
    assert found is not None and found.response == "imported"


@pytest.mark.parametrize(
    "record, problem",
    [
        ("{oops", "not JSON"),
        ("[]", "not an object"),
        ({"text": "a", "response": "b"}, "no key"),
        ({**OLD, "response": None}, "no response"),
        ({**OLD, "key": "k"}, "key is no SHA-256"),
        ({**OLD, "prompt_sha256": "B" * 64}, "prompt_sha256 is no SHA-256"),
        ({**OLD, "follows": 3}, "follows is no SHA-256"),
        ({**OLD, "turn": "2"}, "turn is no number"),
        ({**OLD, "number": -1}, "number is no number"),
        ({**OLD, "n_tries": True}, "n_tries is no number"),
        ({**OLD, "seconds": "1"}, "seconds is no number"),
        ({**OLD, "text": "half \ud83d"}, "surrogate"),
    ],
)
def test_bad_record_names_file_and_line_and_nothing_is_taken(
    record: Any, problem: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "bad.jsonl", OLD, record)
    with Journal(tmp_path / "j.sqlite") as journal:
        with pytest.raises(ValueError, match=rf"N003.*bad\.jsonl, line 2.*{problem}"):
            import_replies(file, journal)
        assert len(journal) == 0


def test_recorded_model_reads_a_journal(tmp_path: Path) -> None:
    prompt = "Say it.\n\nIn Paris…"
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        hashed = {"prompt_sha256": hash_prompt(prompt)}
        journal.put(make_record("a", "the reply", **hashed))
        journal.put(make_record("b", None, number=1, prompt_sha256="1" * 64))
    model = make_recorded_model(path)
    assert model.answer(prompt) == "the reply"
    with pytest.raises(ValueError, match="N103"):
        model.answer("Say something else.\n\nIn Paris…")
    Journal(tmp_path / "empty.sqlite").close()
    with pytest.raises(ValueError, match="N104"):
        make_recorded_model(tmp_path / "empty.sqlite").answer("a")
