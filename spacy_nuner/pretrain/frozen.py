"""What the frozen part of the text encoder makes of each sentence, computed once."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy
from numpy.typing import NDArray
from thinc.types import Floats3d
from tqdm import tqdm

from .wordpieces import Ints, Ragged

logger = logging.getLogger(__name__)

GIB = 2**30
# Sub-tokens that are encoded together when the file is filled
SUBTOKENS_PER_CALL = 2048
DONE = "done"

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
        """Open the file, or make room for it.

        path (Path): The file. It is filled by `fill`.
        ids (Ragged): Sub-token ids of the texts.
        width (int): Width of the encoder.
        max_gib (float): The largest size of the file; what does not fit is not kept.
        """
        self.path = path
        self.ids = ids
        row_bytes = 4 * width
        ends = ids.starts[1:] * row_bytes  # (n_texts,)
        # Texts 0 to n_kept - 1 are in the file
        self.n_kept = int(numpy.searchsorted(ends, max_gib * GIB, side="right"))
        self.shape = (int(ids.starts[self.n_kept]), width)
        self._states: NDArray[numpy.float32] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the file has been filled to the end."""
        return self._mark.exists()

    @property
    def _mark(self) -> Path:
        return self.path.with_name(f"{self.path.name}.{DONE}")

    def fill(self, encode: EncodeT) -> None:
        """Encode all texts that are kept; nothing to do if that is done.

        encode (EncodeT): Texts of one length, (n_texts, length), to their states,
            (n_texts, length, width).
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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        states = numpy.memmap(self.path, dtype="float32", mode="w+", shape=self.shape)
        bar = tqdm(total=self.n_kept, desc="frozen layers", unit="sent", disable=None)
        with bar:
            for chosen in self._group():
                ids = numpy.stack([self.ids[i] for i in chosen])  # (n_texts, length)
                for i, state in zip(chosen, encode(ids), strict=True):
                    states[self.ids.starts[i] : self.ids.starts[i + 1]] = state
                bar.update(len(chosen))
        states.flush()
        self._mark.touch()

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
        self._mark.unlink(missing_ok=True)
