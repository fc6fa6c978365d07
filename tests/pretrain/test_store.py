import logging
import mmap
from pathlib import Path

import numpy
import pytest

from spacy_nuner.pretrain.ragged import Ragged, flatten
from spacy_nuner.pretrain.store import (
    StoreWriter,
    get_ragged,
    load_store,
    read_store,
    write_store,
)

from ..disk import full_disk

ROWS = [[3, 1], [], [4], [1, 5, 9], []]


def is_mapped(array: numpy.ndarray) -> bool:
    base: object = array
    while isinstance(base, numpy.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def list_rows(rows: Ragged) -> list[list[int]]:
    return [rows[i].tolist() for i in range(len(rows))]


def fill(writer: StoreWriter) -> None:
    writer.append_ragged("rows", flatten(ROWS[:2]))
    writer.append_ragged("rows", flatten(ROWS[2:]))
    writer.append("vectors", numpy.ones((2, 3), dtype="float16"))
    writer.append("vectors", numpy.zeros((1, 3), dtype="float16"))
    writer.append("empty", numpy.zeros(0, dtype="int32"))
    writer.header = {"names": ["ä"]}


def test_comes_back_mapped(tmp_path: Path) -> None:
    store = load_store(tmp_path / "deep" / "store", "key", fill)
    assert store.header["names"] == ["ä"]
    rows = get_ragged(store.arrays, "rows")
    assert list_rows(rows) == ROWS
    assert rows.lengths.tolist() == [2, 0, 1, 3, 0]
    vectors = store.arrays["vectors"]
    assert vectors.dtype == "float16" and vectors.sum(axis=1).tolist() == [3, 3, 0]
    assert store.arrays["empty"].shape == (0,)
    for name in ("rows", "rows_starts", "vectors"):
        # A plain array: a memmap's slices are slow
        assert type(store.arrays[name]) is numpy.ndarray
        assert is_mapped(store.arrays[name]) and not store.arrays[name].flags.writeable
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["store"]


def test_empty_rows_first(tmp_path: Path) -> None:
    with write_store(tmp_path / "store", "key") as writer:
        for part in (ROWS[1:2], ROWS[1:2], ROWS):
            writer.append_ragged("rows", flatten(part))
        assert list_rows(writer.read_ragged("rows")) == [[], [], *ROWS]


def test_many_rows_fit_into_the_head(tmp_path: Path) -> None:
    with write_store(tmp_path / "store", "key") as writer:
        for _ in range(11):
            writer.append("bytes", numpy.ones(10**6, dtype="uint8"))
    store = read_store(tmp_path / "store", "key")
    assert store is not None and int(store.arrays["bytes"].sum()) == 11 * 10**6


def test_is_made_once_for_a_key(tmp_path: Path) -> None:
    made = []

    def count(writer: StoreWriter) -> None:
        made.append(len(made))
        writer.append("numbers", numpy.asarray(made))

    for key in ("a", "a", "b", "b"):
        store = load_store(tmp_path / "store", key, count)
    assert made == [0, 1]
    assert store.arrays["numbers"].tolist() == [0, 1]
    assert read_store(tmp_path / "store", "a") is None


def test_what_is_mapped_survives_its_replacement(tmp_path: Path) -> None:
    before = load_store(tmp_path / "store", "a", fill)
    load_store(tmp_path / "store", "b", fill)
    assert list_rows(get_ragged(before.arrays, "rows")) == ROWS


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_failure_leaves_the_older_one(
    tmp_path: Path, error: type[BaseException]
) -> None:
    load_store(tmp_path / "store", "a", fill)
    with pytest.raises(error), write_store(tmp_path / "store", "b") as writer:
        fill(writer)
        raise error
    assert read_store(tmp_path / "store", "a") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_half_of_one_is_not_used(tmp_path: Path) -> None:
    # As kill -9 leaves it
    beside = tmp_path / "store.tmp"
    beside.mkdir()
    writer = StoreWriter(beside)
    fill(writer)
    writer.close()
    assert read_store(tmp_path / "store", "key") is None
    store = load_store(tmp_path / "store", "key", fill)
    assert list_rows(get_ragged(store.arrays, "rows")) == ROWS
    assert not beside.exists()


@pytest.mark.parametrize("name", ["rows.npy", "header.json"])
@pytest.mark.parametrize("n_bytes", [0, 20, -1])
def test_damaged_one_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, n_bytes: int
) -> None:
    load_store(tmp_path / "store", "key", fill)
    path = tmp_path / "store" / name
    path.write_bytes(path.read_bytes()[:n_bytes])
    with caplog.at_level(logging.WARNING):
        store = load_store(tmp_path / "store", "key", fill)
    assert "W340" in caplog.text and str(tmp_path / "store") in caplog.text
    assert list_rows(get_ragged(store.arrays, "rows")) == ROWS


@pytest.mark.parametrize("place", ["rows", "rows_starts", "vectors", "header"])
def test_one_changed_byte_is_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    load_store(tmp_path / "store", "key", fill)
    if place == "header":
        path = tmp_path / "store" / "header.json"
        path.write_text(path.read_text(encoding="utf8").replace("ä", "ö"))
    else:
        path = tmp_path / "store" / f"{place}.npy"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        store = load_store(tmp_path / "store", "key", fill)
    assert "W340" in caplog.text and f"{path.name}: CRC-32 is " in caplog.text
    assert store.header["names"] == ["ä"]
    assert list_rows(get_ragged(store.arrays, "rows")) == ROWS
    assert store.arrays["vectors"].sum() == 6


def test_one_without_checksums_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_store(tmp_path / "store", "key", fill)
    path = tmp_path / "store" / "header.json"
    # As older versions wrote it
    path.write_text('{"key": "key", "arrays": ["rows"], "names": ["old"]}')
    with caplog.at_level(logging.WARNING):
        store = load_store(tmp_path / "store", "key", fill)
    assert store.header["names"] == ["ä"] and not caplog.records


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"N340.*Nothing of it is kept"):
        load_store(tmp_path / "file" / "store", "key", fill)


def test_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"N340.*store"),
        full_disk(4096),
        write_store(tmp_path / "store", "key") as writer,
    ):
        writer.append("numbers", numpy.zeros(10_000))
    assert not list(tmp_path.iterdir())
