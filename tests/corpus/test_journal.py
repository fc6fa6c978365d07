"""SQLite journals as the corpus reads them: order, ranges, turns, complaints."""

import hashlib
import json
import random
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

# The stages share no code: the test alone sees to it that they mean the same file
from spacy_nuner.annotate.journal import schema
from spacy_nuner.annotate.journal.exchange import export_replies
from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.corpus import journal as reading
from spacy_nuner.corpus.sources import Reply, count_replies, read_replies

N = 50


def make_record(number: int, **fields) -> schema.Record:
    record = schema.Record(
        key=hashlib.sha256(json.dumps([number, str(fields)]).encode()).hexdigest(),
        model="m",
        prompt_sha256=f"{number:064x}",
        number=number,
        id=f"t{number}",
        text=f"Text {number}.",
        response=f"Text <> {number}",
    )
    return record._replace(**fields)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "replies.sqlite"
    records = [make_record(i) for i in range(N)]
    records += [make_record(1000 + i, response=None, error="x") for i in range(9)]
    random.Random(0).shuffle(records)
    with Journal(path) as journal:
        journal.put_all(records)
    return path


def test_same_file_for_both_stages() -> None:
    assert reading.APPLICATION_ID == schema.APPLICATION_ID
    assert reading.VERSION == schema.VERSION


def test_order_of_the_texts_whatever_came_first(path: Path) -> None:
    replies = list(read_replies(path))
    assert replies[3] == Reply("t3", "Text 3.", "Text <> 3", "m", f"{3:064x}")
    assert [reply.id for reply in replies] == [f"t{i}" for i in range(N)]
    assert count_replies(path) == N


@pytest.mark.parametrize("suffix", ["sqlite", "jsonl"])
@pytest.mark.parametrize("n_parts", [1, 3, 7])
def test_ranges_make_up_the_whole(suffix: str, n_parts: int, path: Path) -> None:
    whole = list(read_replies(path))
    if suffix == "jsonl":
        exported = path.with_suffix(".jsonl")
        export_replies(path, exported)
        # blank lines are no replies
        exported.write_text(exported.read_text().replace("\n", "\n\n"))
        path = exported
    assert count_replies(path) == N
    edges = [N * i // n_parts for i in range(n_parts + 1)]
    parts = [
        list(read_replies(path, start=start, stop=stop))
        for start, stop in pairwise(edges)
    ]
    assert [reply for part in parts for reply in part] == whole
    assert [len(part) for part in parts] == [
        stop - start for start, stop in pairwise(edges)
    ]
    assert list(read_replies(path, start=N)) == []
    assert list(read_replies(path, start=N - 2, stop=N + 9)) == whole[-2:]
    assert list(read_replies(path, start=4, stop=4)) == []


def test_range_reads_the_index_and_sorts_nothing(path: Path) -> None:
    connection = sqlite3.connect(path)
    for query in (reading._ROWS.replace("?", "1"), reading._COUNT):
        plan = str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())
        assert "INDEX by_number" in plan and "TEMP B-TREE" not in plan
    connection.close()


def test_several_replies_to_a_text_stand_in_the_order_of_the_runs(path: Path) -> None:
    with Journal(path) as journal:
        journal.put(make_record(2, model="later", response="b"))
        journal.put(make_record(1, model="later", response="a"))
    models = [(r.id, r.model) for r in read_replies(path, start=1, stop=5)]
    assert models == [("t1", "m"), ("t1", "later"), ("t2", "m"), ("t2", "later")]


def test_later_turns_are_joined_to_the_first(path: Path) -> None:
    first = make_record(4)
    with Journal(path) as journal:
        journal.put(make_record(4, turn=3, follows=first.key, response="c <> 3"))
        journal.put(make_record(4, turn=2, follows=first.key, response="b <> 2"))
        journal.put(make_record(5, turn=2, follows="0" * 64, response=None, error="x"))
    replies = list(read_replies(path))
    assert count_replies(path) == len(replies) == N
    assert replies[4].response == "Text <> 4\nb <> 2\nc <> 3"
    assert replies[5].response == "Text <> 5"


def test_reading_leaves_the_file_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    list(read_replies(path, stop=3))
    count_replies(path)
    next(read_replies(path))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_foreign_file(tmp_path: Path) -> None:
    path = tmp_path / "foreign.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE replies (key)")
    connection.close()
    for read in (count_replies, lambda path: list(read_replies(path))):
        with pytest.raises(ValueError, match=r"N260.*foreign\.sqlite.*version 0"):
            read(path)


def test_damaged_file(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ValueError, match=r"N261.*replies\.sqlite.*recover"):
        list(read_replies(path))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="N001"):
        count_replies(tmp_path / "none.sqlite")
