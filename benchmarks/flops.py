"""Matrix products of a step: how many operations, and the machine's best rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from common import CLOCKS

# Of torch.mm, (n, n) times (n, n); the best counts
SIZES = (512, 768, 1024, 1536, 2048)
# Each size is repeated for so long
SECONDS = 0.25


@dataclass(frozen=True)
class Tower:
    """What decides the operations of an encoder of BERT's build."""

    width: int
    inner: int
    n_layers: int
    n_frozen: int
    trains_embeddings: bool

    @classmethod
    def read(cls, config: Any, *, n_frozen: int, frozen_embeddings: bool) -> "Tower":
        """Make one of a Hugging Face config.

        config (PretrainedConfig): BERT's or RoBERTa's.
        n_frozen (int): Frozen layers.
        frozen_embeddings (bool): Whether the embeddings are frozen.
        RETURNS (Tower): The sizes.
        """
        return cls(
            width=config.hidden_size,
            inner=config.intermediate_size,
            n_layers=config.num_hidden_layers,
            n_frozen=n_frozen,
            trains_embeddings=not frozen_embeddings,
        )

    def count(self, lengths: Sequence[int], *, with_frozen: bool) -> float:
        """Count the operations of a step on some texts: forward and backward.

        A product of (m, k) and (k, n) has 2 m k n. On the way back each product has
        two of its size; those of query, key and value have one in the lowest trained
        layer, where nothing below takes a gradient. Embeddings are no products.

        lengths (Sequence[int]): Sub-tokens of each text, or the padded length.
        with_frozen (bool): Whether the frozen layers are computed, too.
        RETURNS (float): Operations.
        """
        n = np.asarray(lengths, dtype="float64")  # (n_texts,)
        projection = 2.0 * n.sum() * self.width**2
        feed_forward = 4.0 * n.sum() * self.width * self.inner
        attention = 4.0 * (n**2).sum() * self.width
        layer = 4 * projection + feed_forward + attention
        total = 3.0 * (self.n_layers - self.n_frozen) * layer
        if self.n_frozen < self.n_layers and not self.trains_embeddings:
            total -= 3 * projection
        return float(total + (self.n_frozen * layer if with_frozen else 0.0))


def count_cells(n_tokens: int, n_concepts: int, width: int) -> float:
    """RETURNS (float): Operations of logits and their gradients."""
    return 3 * 2.0 * n_tokens * n_concepts * width


def measure_peak(dtype: torch.dtype, clock: str, device: str = "cpu") -> float:
    """Measure how fast torch.mm multiplies.

    dtype (torch.dtype): Of both matrices.
    clock (str): "wall" or "cpu".
    device (str): Where.
    RETURNS (float): Operations per second of the best size.
    """
    now, best = CLOCKS[clock], 0.0
    sizes = SIZES if device == "cpu" else (4096, 8192)
    for n in sizes:
        a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in "ab")
        torch.mm(a, b)
        end = now() + SECONDS
        while now() < end:
            start = now()
            torch.mm(a, b)
            if device != "cpu":
                torch.cuda.synchronize()
            best = max(best, 2.0 * n**3 / (now() - start))
    return best
