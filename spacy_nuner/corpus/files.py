"""Put finished folders in their place, all or nothing."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import Errors


@contextmanager
def replacing_dir(
    target: str | Path, *, marker: str, keep: Sequence[str] = ()
) -> Iterator[Path]:
    """Build a folder beside its place and rename it when all is written.

    target (str | Path): the folder to make or to replace.
    marker (str): the file by which a folder of this kind is known. A folder that has
        things in it but not this file is not ours, and is not replaced.
    keep (Sequence[str]): folders within it that others made and that stay.
    YIELDS (Path): the folder to write to.
    RAISES (FileExistsError): if the target is something else.
    """
    target = Path(target)
    is_ours = (target / marker).is_file()
    if (
        target.exists()
        and not is_ours
        and (not target.is_dir() or any(target.iterdir()))
    ):
        raise FileExistsError(Errors.N208.format(path=target))
    temp = target.with_name(target.name + ".tmp")
    shutil.rmtree(temp, ignore_errors=True)
    temp.mkdir(parents=True)
    try:
        yield temp
        for name in keep:
            if is_ours and (target / name).is_dir():
                shutil.copytree(target / name, temp / name)
        _replace(temp, target)
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _replace(source: Path, target: Path) -> None:
    # a rename does not replace a folder that has something in it
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    with suppress(FileNotFoundError):
        target.rename(old)
    source.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file for people to read too.

    path (Path): the file.
    content (dict[str, Any]): plain numbers, strings, lists and dicts.
    """
    text = json.dumps(content, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf8", newline="\n")
