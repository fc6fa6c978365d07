"""The files of a sample, each put in its place as a whole."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..files import write_json


class Outputs(NamedTuple):
    """Where the files of a sample are."""

    texts: Path
    stats: Path
    leaks: Path  # sentences of test data
    bad: Path  # documents that could not be read
    spool: Path  # what a run goes on from; gone when it is done


def name_outputs(output: str | Path) -> Outputs:
    """Name the files of a sample.

    output (str | Path): the file of sentences, `.jsonl` or `.jsonl.gz`.
    RETURNS (Outputs): it, and those beside it.
    """
    output = Path(output)
    suffixes = (".stats.json", ".leaks.jsonl", ".bad.jsonl", ".spool")
    return Outputs(output, *(Path(f"{output}{suffix}") for suffix in suffixes))


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> int:
    """Write a JSONL file beside its place and rename it.

    path (Path): the file; `.gz` is packed, the same bytes each time.
    records (Iterable[dict[str, Any]]): its lines.
    RETURNS (int): how many they were.
    """
    n = 0
    with _replacing(path) as temp, temp.open("wb") as raw:
        is_packed = path.suffix == ".gz"
        file = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if is_packed else raw
        for record in records:
            line = json.dumps(record, ensure_ascii=False) + "\n"
            # an example of what was dropped may hold half a surrogate pair
            file.write(line.encode("utf8", errors="backslashreplace"))
            n += 1
        if is_packed:
            file.close()
    return n


def write_stats(path: Path, stats: dict[str, Any]) -> None:
    """Write the counts beside their place and rename them.

    path (Path): the file.
    stats (dict[str, Any]): what `write_json` can write.
    """
    with _replacing(path) as temp:
        write_json(temp, stats)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = Path(f"{path}.tmp")
    try:
        yield temp
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
