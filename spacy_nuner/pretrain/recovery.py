"""The checkpoint that a run goes on from: the newest, or the one before it."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import Errors, Warnings
from .checkpoint import FILE_NAME, PREVIOUS, read_header
from .safefile import find_damage

logger = logging.getLogger(__name__)

DAMAGED = "damaged.safetensors"


def find_checkpoint(
    folder: Path, *, read: Callable[[Path], Any] = read_header
) -> Path | None:
    """Find the newest checkpoint that is whole.

    A damaged one is named in a warning and put aside, so that it does not take the
    place of the whole one when the next is written.

    folder (Path): Folder of the checkpoints.
    read (Callable): Reads a header, which has the `progress` of the run.
    RETURNS (Path | None): The file; None: there is none.
    RAISES (ValueError): If there are files and none of them is whole.
    """
    problems = []
    for path in (folder / FILE_NAME, folder / PREVIOUS):
        # A run that was killed between two renames has the second one alone
        if not path.exists():
            continue
        damage = find_damage(path)
        if damage is not None:
            problems.append(f"'{path}': {damage}")
            continue
        if problems:
            _put_aside(folder, used=path, problems=problems, read=read)
        return path
    if problems:
        raise ValueError(Errors.N309.format(problems="; ".join(problems)))
    return None


def _put_aside(
    folder: Path, *, used: Path, problems: list[str], read: Callable[[Path], Any]
) -> None:
    # What can't be gone on from either is refused before anything is moved
    step = read(used).progress.step
    aside = folder / DAMAGED
    os.replace(folder / FILE_NAME, aside)
    listed = "; ".join(problems)
    warning = Warnings.W330.format(problems=listed, used=used, step=step, aside=aside)
    logger.warning(warning)
