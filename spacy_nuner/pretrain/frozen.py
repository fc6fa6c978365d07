"""What the frozen part of the text encoder makes of each sentence, computed once."""

import errno
import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy
from numpy.typing import NDArray
from thinc.types import Floats3d
from tqdm import tqdm

from ..errors import Warnings
from .index import IndexingStopped
from .safefile import replace_file
from .wordpieces import Ints, Ragged

logger = logging.getLogger(__name__)

GIB = 2**30
# Sub-tokens that are encoded together when the file is filled
SUBTOKENS_PER_CALL = 2048
# What a file is called, half a one too; older versions put a mark beside whole ones
NAME = re.compile(r"[0-9a-f]{16}\.bin(\.tmp|\.done)?")
# Zeros that are written together
BLOCK = 2**20

EncodeT = Callable[[Ints], NDArray[numpy.float32]]


@dataclass(frozen=True)
class KnownStates:
    """States of the texts of a batch, as far as they are kept."""

    states: Floats3d  # (n_texts, length, width)
    unknown: NDArray[numpy.bool_]  # (n_texts,): whose rows are still to be computed


class FrozenStates:
    """The states above the frozen layers of an encoder, memory-mapped.

    They are the same in every epoch, since frozen layers have no dropout. Texts of one
    length are encoded together, so no padding touches them, and what is kept does not
    depend on the batches of a run.
    """

    def __init__(self, path: Path, ids: Ragged, *, width: int, max_gib: float) -> None:
        """Work out how much the file holds.

        path (Path): The file. It is made by `fill`.
        ids (Ragged): Sub-token ids of the texts.
        width (int): Width of the encoder.
        max_gib (float): The largest size of the file; what does not fit is not kept.
        """
        self.path = path
        self.ids = ids
        self.row_bytes = 4 * width
        ends = ids.starts[1:] * self.row_bytes  # (n_texts,)
        # Texts 0 to n_kept - 1 are in the file
        self.n_kept = int(numpy.searchsorted(ends, max_gib * GIB, side="right"))
        self.shape = (int(ids.starts[self.n_kept]), width)
        self._states: NDArray[numpy.float32] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the file is there and long enough. It gets its name when it is."""
        return self.path.is_file() and self.path.stat().st_size >= self.n_bytes

    @property
    def n_bytes(self) -> int:
        return self.shape[0] * self.row_bytes

    def fill(self, encode: EncodeT, *, should_stop: Callable[[], bool] = bool) -> None:
        """Encode all texts that are kept; nothing to do if that is done.

        If they can't be written, a warning says so, and nothing is kept.

        encode (EncodeT): Texts of one length, (n_texts, length), to their states,
            (n_texts, length, width).
        should_stop (Callable[[], bool]): Asked each `SUBTOKENS_PER_CALL` sub-tokens.
        RAISES (IndexingStopped): If `should_stop` says so. The file is not there then.
        """
        if self.n_kept < len(self.ids):
            logger.warning(
                "The frozen states of %d of %d sentences are kept; the others do not "
                "fit into cache_frozen_gib and are computed in each epoch",
                self.n_kept,
                len(self.ids),
            )
        if not self.n_kept or self.is_complete:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Too short a one is of no use, and takes room
            self.path.unlink(missing_ok=True)
            with replace_file(self.path) as beside, beside.open("wb") as file:
                make_room(file, self.n_bytes)
                self._write(file, encode, should_stop)
        except OSError as error:
            gib = self.n_bytes / GIB
            logger.warning(Warnings.W390.format(path=self.path, gib=gib, error=error))
            self.n_kept = 0

    def _write(
        self, file: BinaryIO, encode: EncodeT, should_stop: Callable[[], bool]
    ) -> None:
        bar = tqdm(total=self.n_kept, desc="frozen layers", unit="sent", disable=None)
        n_encoded = 0
        with bar:
            for chosen in self._group():
                if n_encoded >= SUBTOKENS_PER_CALL:
                    n_encoded = 0
                    if should_stop():
                        raise IndexingStopped
                ids = numpy.stack([self.ids[i] for i in chosen])  # (n_texts, length)
                for i, state in zip(chosen, encode(ids), strict=True):
                    # Not into a mapped file: where that finds no room, a signal kills
                    file.seek(int(self.ids.starts[i]) * self.row_bytes)
                    file.write(numpy.ascontiguousarray(state, dtype="float32").data)
                n_encoded += ids.size
                bar.update(len(chosen))

    def _group(self) -> Iterator[Ints]:
        lengths = self.ids.lengths[: self.n_kept]  # (n_kept,)
        order = numpy.argsort(lengths, kind="stable")  # (n_kept,)
        borders = numpy.flatnonzero(numpy.diff(lengths[order])) + 1
        for group in numpy.split(order, borders):
            size = max(1, SUBTOKENS_PER_CALL // int(lengths[group[0]]))
            for start in range(0, len(group), size):
                yield group[start : start + size]

    def look_up(self, texts: Ints, length: int) -> "KnownStates | None":
        """Get the states of some texts, filled up to one length with zeros.

        texts (Ints): Indices of the texts, (n_texts,).
        length (int): Length of the longest.
        RETURNS (KnownStates | None): The states; None: none of them is kept.
        """
        known = numpy.asarray(texts) < self.n_kept  # (n_texts,)
        if not known.any():
            return None
        if self._states is None:
            self._states = numpy.memmap(
                self.path, dtype="float32", mode="r", shape=self.shape
            )
        padded = numpy.zeros((len(texts), length, self.shape[1]), dtype="float32")
        for n in numpy.flatnonzero(known):
            start, end = self.ids.starts[texts[n]], self.ids.starts[texts[n] + 1]
            padded[n, : end - start] = self._states[start:end]
        return KnownStates(states=cast(Floats3d, padded), unknown=~known)

    def delete(self) -> None:
        """Delete the file: the run is over."""
        self._states = None
        self.path.unlink(missing_ok=True)


def make_room(file: BinaryIO, n_bytes: int) -> None:
    """Reserve the room of a new file, so that a full disk is seen before the work.

    file (BinaryIO): The file, empty.
    n_bytes (int): Its size to be.
    RAISES (OSError): If there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
            return
        except OSError as error:
            # Some file systems can't
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
    for start in range(0, n_bytes, BLOCK):
        file.write(bytes(min(BLOCK, n_bytes - start)))
    file.flush()


def remove_states(folder: Path, *, but: str | None = None) -> None:
    """Delete the states of other settings, and halves: nobody asks for them again.

    folder (Path): Where they are.
    but (str | None): Name of the file that stays; None: none does.
    """
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if NAME.fullmatch(path.name) and path.name != but:
                path.unlink()
