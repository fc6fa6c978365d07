"""The journal: durable rows, one writer, readers at any time, clear complaints."""

import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.journal.keys import make_key
from spacy_nuner.annotate.journal.lock import WriterLock
from spacy_nuner.annotate.journal.schema import Record, connect_reading
from spacy_nuner.annotate.journal.store import Journal, read_journal


def make_record(name: str, response: str | None = "Paris <> city", **fields) -> Record:
    record = Record(
        key=hashlib.sha256(name.encode()).hexdigest(),
        model="model",
        prompt_sha256="0" * 64,
        number=0,
        id=f"id-{name}",
        text="In Paris…",
        response=response,
        error="" if response is not None else "HTTP 500",
        time="2026-01-01T00:00:00.000+00:00",
    )
    return record._replace(**fields)


def list_files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_put_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "annotations" / "replies.sqlite"
    first = make_record("a", prompt_tokens=7, seconds=0.5, turn=2, follows="f" * 64)
    with Journal(path) as journal:
        journal.put(first)
        # a reader sees it while the journal is open
        assert list(read_journal(path)) == [first]
        journal.put(make_record("b", "a\nb\0c \ud800", number=1))
        journal.put(make_record("a", "another answer"))
    assert list_files(path) == ["replies.sqlite"]
    with Journal(path) as journal:
        assert len(journal) == 2
        assert first.key in journal and make_record("c").key not in journal
        assert journal.get(first.key) == first
        assert journal.get(make_record("c").key) is None
        journal.put(make_record("c", number=2))
    responses = [record.response for record in read_journal(path)]
    assert responses == ["Paris <> city", "a\nb\0c ?", "Paris <> city"]


def test_rows_are_read_in_the_order_of_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        for name, number in (("c", 2), ("a", 0), ("later", 0), ("b", 1)):
            journal.put(make_record(name, number=number))
    ids = [record.id for record in read_journal(path)]
    assert ids == ["id-a", "id-later", "id-b", "id-c"]


def test_a_failure_is_no_reply_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    failed = make_record("a", None, prompt_tokens=5, n_tries=3)
    with Journal(path) as journal:
        journal.put(failed)
        assert failed.key not in journal and len(journal) == 0
        journal.put(failed._replace(error="HTTP 503", n_tries=1))
        assert journal.get(failed.key) == failed._replace(
            error="HTTP 503", n_tries=4, prompt_tokens=10
        )
        journal.put(make_record("a", "x", prompt_tokens=5, completion_tokens=2))
        found = journal.get(failed.key)
        assert found is not None and found.key in journal
        # what the failed tries cost is not forgotten
        assert (found.response, found.error, found.n_tries) == ("x", "", 5)
        journal.put(failed)
        assert journal.get(failed.key) == found
        assert journal.get_usage("model") == Usage(15, 2)
        assert journal.get_usage("another") == Usage(0, 0)


@pytest.mark.parametrize("reader", ["journal", "read", "connect"])
def test_looking_does_not_change_the_bytes(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        journal.put(make_record("a"))
    before = path.read_bytes()
    if reader == "journal":
        with Journal(path) as journal:
            assert make_record("a").key in journal
            journal.put(make_record("a", "another answer"))
    elif reader == "read":
        assert len(list(read_journal(path))) == 1
    else:
        connect_reading(path).close()
    assert path.read_bytes() == before
    assert list_files(path) == ["replies.sqlite"]


def test_readable_without_the_right_to_write(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "replies.sqlite"
    with Journal(path) as journal:
        journal.put(make_record("a"))
    # root may write anywhere, so the reader is somebody else
    code = (
        "import os, sys; from pathlib import Path; "
        "from spacy_nuner.annotate.journal.store import read_journal; "
        "from spacy_nuner.corpus.sources import read_replies; "
        "os.geteuid() or os.seteuid(65534); path = Path(sys.argv[1]); "
        "assert not os.access(path.parent, os.W_OK, effective_ids=True); "
        "print(len(list(read_journal(path))), len(list(read_replies(path))))"
    )
    for folder in (path.parent, *path.parents[1:4]):
        folder.chmod(0o555 if folder == path.parent else 0o755)
    try:
        result = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True
        )
    finally:
        path.parent.chmod(0o755)
    assert result.stdout == "1 1\n", result.stderr
    assert list_files(path) == ["replies.sqlite"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        journal.put(make_record("a"))
        with pytest.raises(RuntimeError, match=rf"N141.*process {os.getpid()}"):
            Journal(path)
        assert len(list(read_journal(path))) == 1
        journal.put(make_record("b"))
    with Journal(path) as journal:
        assert len(journal) == 2


def test_lock_of_the_dead_is_free(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    code = (
        "import os, sys, signal; from pathlib import Path; "
        "from tests.annotate.journal.test_store import make_record; "
        "from spacy_nuner.annotate.journal.store import Journal; "
        "journal = Journal(Path(sys.argv[1])); journal.put(make_record('a')); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)])
    assert f"{path.name}.lock" in list_files(path)
    # the reply is in the log beside the file; readers find it there
    assert len(list(read_journal(path))) == 1
    with Journal(path) as journal:
        assert len(journal) == 1
    assert list_files(path) == ["replies.sqlite"]


def test_lock_that_goes_while_another_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    taken: list[int] = []

    def take() -> None:
        for _ in range(200):
            try:
                lock = WriterLock(path)
            except RuntimeError:
                continue
            taken.append(1)
            assert sum(taken) == 1
            taken.pop()
            lock.release()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not taken and not list(tmp_path.iterdir())


def test_any_thread_may_write(tmp_path: Path) -> None:
    with Journal(tmp_path / "replies.sqlite") as journal:

        def put(start: int) -> None:
            for i in range(start, start + 50):
                journal.put(make_record(str(i), number=i))

        threads = [threading.Thread(target=put, args=(100 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(journal) == 200


def test_merge(tmp_path: Path) -> None:
    main, *shards = (tmp_path / f"{name}.sqlite" for name in ("main", "one", "two"))
    with Journal(shards[0]) as shard:
        shard.put(make_record("a", "from one"))
        shard.put(make_record("b", None))
        shard.put(make_record("d", None, prompt_tokens=4))
    with Journal(shards[1]) as shard:
        shard.put(make_record("b", "from two"))
        shard.put(make_record("c", "from two"))
    marks = [shard.read_bytes() for shard in shards]
    with Journal(main) as journal:
        journal.put(make_record("c", "here"))
        assert journal.merge(shards) == 4
        assert journal.merge(shards) == 0
        replies = {record.id: record.response for record in read_journal(main)}
    assert replies == {
        "id-a": "from one",
        "id-b": "from two",
        "id-c": "here",
        "id-d": None,
    }
    assert [shard.read_bytes() for shard in shards] == marks
    assert list_files(main) == ["main.sqlite", "one.sqlite", "two.sqlite"]


def test_jsonl_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text('{"key": "a"}\n', encoding="utf8")
    with pytest.raises(ValueError, match=r"N140.*journal import.*replies\.sqlite"):
        Journal(path)
    with pytest.raises(ValueError, match="N140"):
        list(read_journal(path))
    assert path.read_text(encoding="utf8") == '{"key": "a"}\n'
    assert list_files(path) == ["replies.jsonl"]


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE replies (key)", "PRAGMA user_version = 99; CREATE TABLE t (x)"],
)
def test_foreign_file(statement: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(statement)
    connection.close()
    for use in (Journal, lambda path: list(read_journal(path))):
        with pytest.raises(ValueError, match=r"N144.*foreign\.sqlite.*version"):
            use(path)


def test_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "newer.sqlite"
    Journal(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(ValueError, match=r"N144.*version 2.*install"):
        Journal(path)


def test_no_journal() -> None:
    with pytest.raises(FileNotFoundError, match=r"N001.*none\.sqlite"):
        list(read_journal(Path("none.sqlite")))


@pytest.mark.parametrize("place", ["middle", "cut"])
def test_damage_names_the_file(place: str, tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        journal.put_all(make_record(str(i), "x" * 500, number=i) for i in range(500))
    whole = bytearray(path.read_bytes())
    if place == "cut":
        del whole[len(whole) // 2 :]
    else:
        start = len(whole) // 4
        whole[start : 3 * start] = b"\xff" * (2 * start)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"N143.*replies\.sqlite.*damaged"):
        list(read_journal(path))


def test_disk_error_says_what_is_safe(tmp_path: Path) -> None:
    with Journal(tmp_path / "replies.sqlite") as journal:
        journal.put(make_record("a"))
        # as on a full disk: SQLite may not take another page
        n_pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
        journal._connection.execute(f"PRAGMA max_page_count = {n_pages}")
        with pytest.raises(RuntimeError, match=r"N142.*full.*safe"):
            journal.put(make_record("b", "x" * 100_000))
        assert len(journal) == 1


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
