"""Arrays in a folder: written beside and renamed as one, checked, memory-mapped."""

import json
import logging
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.typing import NDArray

from ..errors import Errors, Warnings
from .ragged import Ragged

logger = logging.getLogger(__name__)

HEADER = "header.json"
# In the header: checksum of each array's file, and of the header itself
SUMS, OWN_SUM = "sums", "crc32"
# Bytes that are read together
BLOCK = 2**20
Array = NDArray[Any]


@dataclass(frozen=True)
class Store:
    """What a folder holds."""

    header: dict[str, Any]
    arrays: Mapping[str, Array]  # on the disk: the system keeps in memory what is read


class ArrayWriter:
    """Writes one .npy file row by row."""

    def __init__(self, path: Path, first: Array) -> None:
        """Make the file.

        path (Path): The file.
        first (Array): Type and width of its rows are those of this one.
        """
        self.path = path
        self.dtype = first.dtype
        self.shape: tuple[int, ...] = (0, *first.shape[1:])
        self._file: BinaryIO = path.open("wb")
        self._write_head()

    def append(self, rows: Array) -> None:
        """Write further rows.

        rows (Array): (n_rows, …).
        """
        rows = numpy.ascontiguousarray(rows, dtype=self.dtype)
        # Not `tofile`, which hides what a full disk says
        self._file.write(rows.reshape(-1).view("uint8").data)
        self.shape = (self.shape[0] + len(rows), *self.shape[1:])

    def finish(self) -> None:
        """Write how many rows there are, and all of it to the disk."""
        if not self._file.closed:
            self._write_head()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def close(self) -> None:
        """Close the file, whole or not."""
        self._file.close()

    def _write_head(self) -> None:
        # The head of a .npy file leaves room for its number of rows to grow
        self._file.seek(0)
        head = {"descr": dtype_to_descr(self.dtype), "fortran_order": False}
        write_array_header_1_0(self._file, head | {"shape": self.shape})


class StoreWriter:
    """Writes a new folder of arrays."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty folder.

        folder (Path): The folder, which is there.
        """
        self.folder = folder
        self.header: dict[str, Any] = {}  # written last
        self._writers: dict[str, ArrayWriter] = {}

    def append(self, name: str, rows: Array) -> None:
        """Write further rows of an array.

        name (str): Name of the array.
        rows (Array): The rows, (n_rows, …).
        RAISES (OSError): If they can't be written.
        """
        with _telling(self.folder):
            if name not in self._writers:
                path = self.folder / f"{name}.npy"
                self._writers[name] = ArrayWriter(path, rows)
            self._writers[name].append(rows)

    def append_ragged(self, name: str, rows: Ragged) -> None:
        """Write further rows of different lengths.

        name (str): Name of the array; where its rows start is a second one.
        rows (Ragged): The rows.
        """
        is_first = name not in self._writers
        self.append(name, rows.data)
        starts = rows.starts + self._writers[name].shape[0] - len(rows.data)
        self.append(_name_starts(name), starts if is_first else starts[1:])

    def read_ragged(self, name: str) -> Ragged:
        """Map rows that have all been written.

        name (str): Name of the array.
        RETURNS (Ragged): The rows.
        """
        arrays = {}
        with _telling(self.folder):
            for part in (name, _name_starts(name)):
                self._writers[part].finish()
                arrays[part] = _map(self._writers[part].path)
        return get_ragged(arrays, name)

    def finish(self, key: str) -> None:
        """Write the header: the arrays are complete.

        key (str): What they follow from.
        """
        with _telling(self.folder):
            for writer in self._writers.values():
                writer.finish()
            sums = {name: _sum_file(w.path) for name, w in self._writers.items()}
            content = {"key": key, SUMS: sums, **self.header}
            content[OWN_SUM] = _sum_header(content)
            with (self.folder / HEADER).open("w", encoding="utf8") as file:
                json.dump(content, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())

    def close(self) -> None:
        """Close all files, whole or not."""
        for writer in self._writers.values():
            writer.close()


def load_store(folder: Path, key: str, fill: Callable[[StoreWriter], None]) -> Store:
    """Map the arrays of a folder. If they are not there, make them.

    folder (Path): The folder.
    key (str): What they follow from.
    fill (Callable[[StoreWriter], None]): Writes them.
    RETURNS (Store): Header and arrays.
    RAISES (OSError): If they can't be written or read.
    """
    store = read_store(folder, key)
    if store is None:
        with write_store(folder, key) as writer:
            fill(writer)
        store = read_store(folder, key)
    if store is None:
        raise OSError(Errors.N341.format(path=folder))
    return store


@contextmanager
def write_store(folder: Path, key: str) -> Iterator[StoreWriter]:
    """Write a folder of arrays beside its place, and rename it when all is there.

    folder (Path): The folder to make or to replace.
    key (str): What its arrays follow from.
    YIELDS (StoreWriter): Takes arrays and header. If the block fails, nothing is left.
    RAISES (OSError): If the folder can't be written, or the disk is full.
    """
    beside = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    with _telling(beside):
        beside.mkdir(parents=True)
    writer = StoreWriter(beside)
    try:
        yield writer
        writer.finish(key)
        with _telling(beside):
            _replace(beside, folder)
    finally:
        writer.close()
        shutil.rmtree(beside, ignore_errors=True)


def read_store(folder: Path, key: str) -> Store | None:
    """Map the arrays of a folder, after a look at each of their bytes.

    folder (Path): The folder.
    key (str): What they have to follow from.
    RETURNS (Store | None): Header and arrays; None: there is no such folder, it follows
        from something else or has no checksums, or a file of it is damaged.
    """
    path = folder / HEADER
    if not path.exists():
        return None
    try:
        header = json.loads(path.read_text(encoding="utf8"))
        if header["key"] != key or SUMS not in header:
            return None
        own = header.pop(OWN_SUM)
        _check_sum(HEADER, _sum_header(header), own)
        for name, expected in header[SUMS].items():
            _check_sum(f"{name}.npy", _sum_file(folder / f"{name}.npy"), expected)
        arrays = {name: _map(folder / f"{name}.npy") for name in header[SUMS]}
    # What numpy and json say of a file that ends too early
    except (OSError, EOFError, ValueError, KeyError) as error:
        logger.warning(Warnings.W340.format(path=folder, error=error))
        return None
    return Store(header=header, arrays=arrays)


def get_ragged(arrays: Mapping[str, Array], name: str) -> Ragged:
    """Get rows of different lengths.

    arrays (Mapping[str, Array]): The arrays of a store.
    name (str): Name of the rows.
    RETURNS (Ragged): The rows.
    """
    return Ragged(arrays[name], arrays[_name_starts(name)])


def _name_starts(name: str) -> str:
    return f"{name}_starts"


def _replace(beside: Path, folder: Path) -> None:
    # A rename does not replace a folder that has something in it
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _sum_file(path: Path) -> int:
    # The whole costs 0.6 s for a GiB. Read, not mapped: its pages are nobody's memory
    crc = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc


def _sum_header(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content).encode("ascii"))


def _check_sum(name: str, got: int, expected: int) -> None:
    if got != expected:
        raise ValueError(f"{name}: CRC-32 is {got}, expected is {expected}")


def _map(path: Path) -> Array:
    # As a plain array: slices of a memmap are slow to make
    return numpy.asarray(numpy.load(path, mmap_mode="r"))


@contextmanager
def _telling(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(Errors.N340.format(path=folder, error=error)) from error
