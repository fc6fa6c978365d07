"""What decides a result, as hashes: a finished variant is known by them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from thinc.api import Config

FORMAT = 1
# Of an encoder folder or a corpus; cards and logs decide nothing
CONTENT = {".json", ".safetensors", ".txt", ".bin", ".model", ".spacy", ".jsonl"}
NOT_CONTENT = {"stats.json", "drops.jsonl"}
DATASET_FILES = ("meta.json", "pool.spacy", "test.spacy")
N_SHORT = 12  # characters of a hash in a folder's name

IsDecisive = Callable[[str], bool]


def hash_of(value: Any) -> str:
    """RETURNS (str): SHA-256 of a value's JSON and of the package's version."""
    made_by = {"format": FORMAT, "version": version("spacy-nuner")}
    content = {**made_by, "value": value}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf8")).hexdigest()


@lru_cache(maxsize=256)
def hash_path(path: Path) -> str:
    """Hash a file, or the files of a folder that decide something.

    Each is read once in a process: a run takes as its inputs what was there when it
    began.

    path (Path): The file or folder.
    RETURNS (str): SHA-256 over names and contents.
    """
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    for file in files:
        named = file.suffix in CONTENT and file.name not in NOT_CONTENT
        if file.is_file() and (file == path or named):
            digest.update(str(file.relative_to(path)).encode("utf8") + b"\0")
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def hash_dataset(path: Path) -> str:
    """RETURNS (str): SHA-256 of the files of a data set of 'convert'."""
    return hash_of([hash_path(path / name) for name in DATASET_FILES])


def read_settings(
    path: Path, changes: Mapping[str, Any], is_decisive: IsDecisive
) -> dict[str, Any]:
    """Read a config as flat settings, without where things are.

    path (Path): The config.
    changes (Mapping[str, Any]): Settings to change, keys with dots.
    is_decisive (IsDecisive): Whether a setting decides anything.
    RETURNS (dict[str, Any]): Key to value, variables not filled in.
    """
    flat: dict[str, Any] = {}
    _flatten(dict(Config().from_disk(path, interpolate=False)), "", flat)
    flat |= changes
    return {
        key: value
        for key, value in flat.items()
        if not key.startswith("paths.") and is_decisive(key)
    }


def _flatten(block: Mapping[str, Any], prefix: str, flat: dict[str, Any]) -> None:
    for name, value in block.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", flat)
        else:
            flat[f"{prefix}{name}"] = value
