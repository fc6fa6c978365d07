"""The project's asset list: where each file comes from and which bytes it must have.

`project.yml` is the only list. Beside weasel's own keys an asset has `sha256`, since
weasel's `checksum` is MD5.
"""

import gzip
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import srsly

from spacy_nuner.errors import Errors


class Asset(NamedTuple):
    """One file of the project's asset list."""

    dest: str  # path relative to the project folder
    sha256: str
    url: str  # "" where the file has no public address
    description: str
    extra: bool  # True: the chain runs without it


def sha256_of(path: Path) -> str:
    """RETURNS (str): SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, sha256: str, *, source: Path | None = None) -> None:
    """Check that a file is there and has the expected bytes.

    path (Path): The file.
    sha256 (str): Its expected SHA-256, hexadecimal.
    source (Path | None): What the error names, if the file is a copy.
    RAISES (FileNotFoundError, ValueError): If it's missing or differs.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="asset", path=path))
    got = sha256_of(path)
    if got != sha256:
        message = Errors.N002.format(path=source or path, got=got, expected=sha256)
        raise ValueError(message)


def read_assets(project_file: Path) -> list[Asset]:
    """Read the asset list of a project.

    project_file (Path): A `project.yml`.
    RETURNS (list[Asset]): Its assets, in order.
    """
    if not project_file.is_file():
        raise FileNotFoundError(Errors.N001.format(what="project", path=project_file))
    entries = srsly.read_yaml(project_file).get("assets", [])
    return [
        Asset(
            dest=entry["dest"],
            sha256=entry["sha256"],
            url=entry.get("url", ""),
            description=entry.get("description", ""),
            extra=entry.get("extra", False),
        )
        for entry in entries
    ]


def import_assets(
    assets: Iterable[Asset], source: Path, project_dir: Path
) -> tuple[list[Asset], list[Asset]]:
    """Copy extra assets from a local folder, each only if its SHA-256 is right.

    The source mirrors `assets/datasets`: `source/mit_movie/engtest.bio`. A file may be
    gzipped there (`val.conllu.gz`): it's unpacked, since the SHA-256 is that of the
    file as it was published.

    assets (Iterable[Asset]): Assets to look for.
    source (Path): Folder to take them from.
    project_dir (Path): Folder of `project.yml`.
    RETURNS (tuple[list[Asset], list[Asset]]): Those copied (or there already) and
        those that the source doesn't have.
    RAISES (ValueError): If a file has other bytes; the files before it stay.
    """
    if not source.is_dir():
        raise FileNotFoundError(Errors.N001.format(what="folder", path=source))
    brought, missing = [], []
    for asset in assets:
        file = source / Path(asset.dest).relative_to("assets/datasets")
        packed = file.with_name(file.name + ".gz")
        if not (file.is_file() or packed.is_file()):
            missing.append(asset)
            continue
        dest = project_dir / asset.dest
        dest.parent.mkdir(parents=True, exist_ok=True)
        partial = dest.with_name(dest.name + ".tmp")
        try:
            if file.is_file():
                shutil.copyfile(file, partial)
            else:
                _unpack(packed, partial, asset.sha256)
            verify(partial, asset.sha256, source=file if file.is_file() else packed)
            os.replace(partial, dest)
        finally:
            partial.unlink(missing_ok=True)
        brought.append(asset)
    return brought, missing


def _unpack(packed: Path, dest: Path, sha256: str) -> None:
    try:
        with gzip.open(packed) as source, dest.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = Errors.N002.format(path=packed, got=error, expected=sha256)
        raise ValueError(message) from None


def write_manifest(
    assets: Iterable[Asset], project_dir: Path, manifest: Path
) -> tuple[list[Asset], list[Asset]]:
    """Verify what is there and write its list, so that later steps can depend on it.

    assets (Iterable[Asset]): The project's assets.
    project_dir (Path): Folder of `project.yml`.
    manifest (Path): JSON file to write; untouched if nothing changed.
    RETURNS (tuple[list[Asset], list[Asset]]): Assets present and extra assets absent.
    RAISES (FileNotFoundError, ValueError): If a shipped asset is missing, or any
        asset has other bytes than the list says.
    """
    present, absent = [], []
    for asset in assets:
        if asset.extra and not (project_dir / asset.dest).exists():
            absent.append(asset)
            continue
        verify(project_dir / asset.dest, asset.sha256)
        present.append(asset)
    content = json.dumps({a.dest: a.sha256 for a in present}, indent=2) + "\n"
    if not manifest.is_file() or manifest.read_text(encoding="utf8") != content:
        partial = manifest.with_name(manifest.name + ".tmp")
        partial.write_text(content, encoding="utf8")
        os.replace(partial, manifest)
    return present, absent
