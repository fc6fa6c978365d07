import gzip
import json
import sys
import tracemalloc
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from spacy_nuner.corpus import sources as files
from spacy_nuner.corpus.texts.hub import HubFile
from spacy_nuner.corpus.texts.settings import TextSettings
from spacy_nuner.corpus.texts.sources import (
    BadDocument,
    Document,
    find_sources,
    read_documents,
)

REVISION = "0" * 40


def read(path: Path, **settings: str) -> list[Document | BadDocument]:
    return list(read_documents(path, "name", TextSettings(**settings)))


def write_gz(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_c4_shard(tmp_path: Path) -> None:
    records = [
        {
            "text": "One.\nTwo.",
            "timestamp": "2019-04-25T12:57:54Z",
            "url": "https://a.b",
        },
        {"text": "Three\u2028four.", "id": 7},
    ]
    lines = "\n\n".join(json.dumps(r, ensure_ascii=False) for r in records)
    path = write_gz(tmp_path / "c4-train.00000-of-01024.json.gz", lines.encode("utf8"))
    assert read(path) == [
        Document("name:1", "One.\nTwo."),
        Document("7", "Three\u2028four."),
    ]


def test_other_field(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"content": "One."}\n{"text": "Two."}\n')
    assert read(path, field="content")[0] == Document("name:1", "One.")
    assert isinstance(read(path, field="content")[1], BadDocument)


def test_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"One is\r\nwrapped.\n \n\n\nTwo.\n\tThree.")
    assert read(path) == [
        Document("name:1", "One is wrapped."),
        Document("name:6", "Two. Three."),
    ]
    assert read(path, paragraphs="line") == [
        Document("name:1", "One is"),
        Document("name:2", "wrapped."),
        Document("name:6", "Two."),
        Document("name:7", "Three."),
    ]
    assert read(write_gz(tmp_path / "a.txt.gz", path.read_bytes())) == read(path)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pyarrow.table(
        {"text": ["One.", None, " "] * 200, "id": ["x", None, "y"] * 200}
    )
    parquet.write_table(table, path, row_group_size=100)
    found = read(path)
    assert len(found) == 600
    assert found[0] == Document("x", "One.")
    assert isinstance(found[1], BadDocument)
    assert "a.parquet, line 600" in found[599].problem
    parquet.write_table(pyarrow.table({"body": ["Two."], "n": [1]}), path)
    assert read(path, field="body") == [Document("name:1", "Two.")]
    with pytest.raises(ValueError, match=r"N259.*'text'.*columns body, n"):
        read(path)
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(ValueError, match=r"N259.*a\.parquet"):
        read(path)


def test_parquet_without_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"N253.*pyarrow.*\[text\]"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"text": "cut o', "bad JSON"),
        (b'{"text": "Z\xfcrich"}', "bad JSON"),
        (b'["text"]', "not an object"),
        (b'{"text": "half \\ud83d"}', "record without text"),
        (b'{"text": null}', "record without text"),
        (b"[" * 100_000, "bad JSON"),
        (b"\x00\x00\x00", "bad JSON"),
    ],
)
def test_bad_lines_name_file_and_line(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "One."}\n' + line + b'\n{"text": "Three."}\n')
    first, bad, last = read(path)
    assert isinstance(bad, BadDocument)
    assert problem in bad.problem and "a.jsonl, line 2" in bad.problem
    assert (first, last) == (Document("name:1", "One."), Document("name:3", "Three."))


def test_ids_with_half_a_surrogate_pair(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a\\ud83d", "text": "One."}\n')
    assert read(path) == [Document("a?", "One.")]


def test_bytes_that_are_no_utf8_in_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("One.\n\nZürich.\n\nThree.".encode("latin1"))
    first, bad, last = read(path)
    assert isinstance(bad, BadDocument)
    assert "N217" in bad.problem and "line 3" in bad.problem
    assert (first, last) == (Document("name:1", "One."), Document("name:5", "Three."))


@pytest.mark.parametrize("name", ["bomb.json.gz", "bomb.txt.gz"])
def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A small file with a line of 200 MB: an error, in the memory of a good line."""
    monkeypatch.setattr(files, "MAX_LINE", 2**20)
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(200):
            file.write(b"a" * 10**6)
        file.write(b'\n{"text": "After it."}\n')
    assert path.stat().st_size < 2 * 10**6
    tracemalloc.start()
    bad, good = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23
    assert isinstance(bad, BadDocument)
    assert "line too long" in bad.problem and f"{name}, line 1" in bad.problem
    assert isinstance(good, Document) and "After it." in good.text


@pytest.mark.parametrize("cut", ["end", "middle", "none"])
def test_damaged_gzip(tmp_path: Path, cut: str) -> None:
    packed = gzip.compress(b"".join(b'{"text": "No. %d."}\n' % i for i in range(9999)))
    path = tmp_path / "a.json.gz"
    broken = packed[:5000] + bytes(64) + packed[5064:]
    path.write_bytes({"end": packed[:-20], "middle": broken, "none": b"no"}[cut])
    with pytest.raises(ValueError, match=r"N250.*a\.json\.gz, line \d+.*damaged"):
        read(path)


def test_find_sources(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.json.gz", "c.parquet", "d.txt", "notes.md"):
        (tmp_path / name).touch()
    address = f"hub://me/mine/data/x.jsonl?revision={REVISION}"
    found = find_sources([str(tmp_path), address, str(tmp_path / "b.jsonl")])
    names = ["a.json.gz", "b.jsonl", "c.parquet", "d.txt", "x.jsonl"]
    assert [source.name for source in found] == names
    assert found[-1].file == HubFile("me/mine", REVISION, "data/x.jsonl")


def test_same_names_are_told_apart(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").touch()
    found = find_sources([str(tmp_path / "x"), str(tmp_path / "y" / "a.txt")])
    assert [source.name for source in found] == ["x/a.txt", "y/a.txt"]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"N251.*no file with texts"):
        find_sources([str(tmp_path)])
    with pytest.raises(FileNotFoundError, match=r"N001.*none"):
        find_sources([str(tmp_path / "none")])
    (tmp_path / "a.docx").touch()
    with pytest.raises(ValueError, match=r"N251.*a\.docx.*\.parquet"):
        find_sources([str(tmp_path / "a.docx")])
    with pytest.raises(ValueError, match="N251"):
        find_sources([])
