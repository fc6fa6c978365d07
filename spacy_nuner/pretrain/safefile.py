"""Files that are whole or not there: written beside, renamed, and checked."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import Errors


@contextmanager
def replace_file(path: Path, *, previous: Path | None = None) -> Iterator[Path]:
    """Write a file beside the old one and rename it when all is on the disk.

    path (Path): The file to make or replace.
    previous (Path | None): New name of the old file; None: it is not kept.
    YIELDS (Path): Where to write. It is removed if the block fails.
    """
    beside = path.with_name(path.name + ".tmp")
    try:
        yield beside
        # A rename may reach the disk before the data does
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        # Whoever is stopped between the two renames finds the old file
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def compute_crc(header: str, tensors: Iterable[tuple[str, Tensor]]) -> int:
    """Calculate a checksum: safetensors sees a cut file, but no changed byte.

    header (str): What the checkpoint says of itself.
    tensors (Iterable[tuple[str, Tensor]]): Name and content of each, in any order.
    RETURNS (int): CRC-32.
    """
    crc = zlib.crc32(header.encode())
    parts = {}
    for name, tensor in tensors:
        data = tensor.detach().cpu().reshape(-1).view(torch.uint8)  # (n_bytes,)
        parts[name] = zlib.crc32(data.numpy().data)
    return zlib.crc32(json.dumps(parts, sort_keys=True).encode(), crc)


def find_damage(path: Path) -> str | None:
    """Look whether a checkpoint is as it was written.

    path (Path): The file.
    RETURNS (str | None): What is wrong with it; None: nothing, or it is not of this
        package, which `read_header` says.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            if not {"header", "crc32"} <= metadata.keys():
                return None
            names = file.keys()
            tensors = ((name, file.get_tensor(name)) for name in names)
            got = str(compute_crc(metadata["header"], tensors))
    except SafetensorError as error:
        return str(error)
    expected = metadata["crc32"]
    return None if got == expected else f"CRC-32 is {got}, expected is {expected}"


def write_tensors(
    path: Path,
    tensors: dict[str, Tensor],
    header: dict[str, Any],
    *,
    previous: Path | None = None,
) -> None:
    """Write a checkpoint's file with what it says of itself and a checksum.

    path (Path): The file to make or replace; its folder is made if missing.
    tensors (dict[str, Tensor]): Name to content.
    header (dict[str, Any]): Plain JSON, with "format".
    previous (Path | None): New name of the old file; None: it is not kept.
    RAISES (OSError): If it can't be written. The old file is whole.
    """
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    text = json.dumps(header)
    metadata = {"header": text, "crc32": str(compute_crc(text, tensors.items()))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path, previous=previous) as beside:
            save_file(tensors, str(beside), metadata=metadata)
    except (OSError, SafetensorError) as error:
        raise OSError(Errors.N308.format(path=path.parent, error=error)) from error


def read_json_header(path: Path, *, format: int | str) -> dict[str, Any]:
    """Read what a checkpoint's file says of itself, without its tensors.

    path (Path): The file.
    format (int | str): The one that is known.
    RETURNS (dict[str, Any]): As it was given to `write_tensors`.
    RAISES (ValueError): If there is no such file, or it can't be read.
    """
    if not path.exists():
        raise ValueError(Errors.N001.format(what="checkpoint", path=path))
    try:
        with safe_open(str(path), framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})["header"])
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise unreadable(path, repr(error)) from None
    if (found := header.get("format")) != format:
        raise unreadable(path, f"format {found}, known is {format}")
    return header


def read_tensors(path: Path) -> dict[str, Tensor]:
    """RETURNS (dict[str, Tensor]): All tensors of a checkpoint's file, by name."""
    with safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def unreadable(path: Path, problem: str) -> ValueError:
    """RETURNS (ValueError): That a checkpoint's file can't be used, and why."""
    return ValueError(Errors.N309.format(problems=f"'{path}': {problem}"))
