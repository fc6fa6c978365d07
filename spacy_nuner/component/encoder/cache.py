"""Token vectors of docs that come again: a frozen encoder encodes them once."""

import logging

import numpy as np
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc
from thinc.types import Floats2d

from ...errors import Warnings

logger = logging.getLogger(__name__)

Key = tuple[str, bytes]

# Docs that are remembered for having come once
MAX_SEEN = 100_000


class VectorCache:
    """Keeps the vectors of docs up to a size, for as long as no weight changes.

    What does not fit is computed each time. Nothing is thrown out for it: epochs go
    round and round, and the oldest entry would be the very one that is needed next.

    Once it is settled it knows the training set, and a doc has to come twice: those of
    a dev set do, new texts do not, on which the pipeline is used after training.
    """

    def __init__(self, max_bytes: int) -> None:
        """Set up an empty cache.

        max_bytes (int): Size of all vectors together.
        """
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._version = 0
        self._vectors: dict[Key, Floats2d] = {}
        self._is_full = False
        self._seen: set[int] | None = None  # hashes of keys, once it is settled

    def __len__(self) -> int:
        return len(self._vectors)

    def settle(self) -> None:
        """From now on, keep only docs that come a second time."""
        self._seen = set()

    def expire(self, version: int) -> None:
        """Forget everything if the encoder is not the one that made it.

        version (int): A number that changes with the encoder's weights.
        """
        if version != self._version:
            self._vectors.clear()
            self.n_bytes = 0
            self._version = version

    def get(self, doc: Doc) -> Floats2d | None:
        """RETURNS (Floats2d | None): Vectors of a doc, (n_tokens, width), if kept."""
        return self._vectors.get(make_key(doc))

    def put(self, doc: Doc, vectors: Floats2d) -> None:
        """Keep the vectors of a doc, if they fit and are likely to be asked for.

        doc (Doc): The doc.
        vectors (Floats2d): Its vectors, (n_tokens, width).
        """
        key = make_key(doc)
        if key in self._vectors or not self._comes_again(key):
            return
        if self.n_bytes + vectors.nbytes > self.max_bytes:
            if not self._is_full:
                self._is_full = True
                size = self.max_bytes / 2**20
                logger.warning(Warnings.W401.format(size=size, n=len(self)))
            return
        # A view would keep the vectors of the whole batch alive
        self._vectors[key] = vectors.copy()
        self.n_bytes += vectors.nbytes

    def _comes_again(self, key: Key) -> bool:
        if self._seen is None or hash(key) in self._seen:
            return True
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
        self._seen.add(hash(key))
        return False


def make_key(doc: Doc) -> Key:
    """RETURNS (Key): What decides the vectors of a doc: its text and its tokens."""
    edges: np.ndarray = doc.to_array([LENGTH, SPACY])
    return doc.text, edges.tobytes()
