"""All tokens of a batch against all its concepts: logits and gradients (Figure 5)."""

from dataclasses import dataclass, field
from typing import cast

import torch
from thinc.api import Ops
from thinc.types import Floats2d
from thinc.util import get_array_module, torch2xp, xp2torch

from .loss import InBatchBCE
from .scores import Scores
from .targets import Targets


@dataclass(frozen=True)
class Link:
    """How token and concept vectors become logits: z = h . c / temperature + bias."""

    temperature: float
    bias: float


@dataclass
class Contrast:
    """What comes back from the cells: gradients of the loss, and scores."""

    dH: Floats2d  # (n_tokens, width)
    dC: Floats2d  # (n_concepts, width)
    d_bias: float = 0.0
    d_temperature: float = 0.0
    loss: float = 0.0
    scores: Scores = field(default_factory=Scores)

    def merge(self, other: "Contrast") -> None:
        """Add what comes back from further tokens of the same batch.

        other (Contrast): Theirs; its dH is not kept.
        """
        self.dC += other.dC
        self.d_bias += other.d_bias
        self.d_temperature += other.d_temperature
        self.loss += other.loss
        self.scores.merge(other.scores)


def contrast(
    H: Floats2d,
    C: Floats2d,
    link: Link,
    targets: Targets,
    *,
    loss: InBatchBCE,
    ops: Ops,
    first: int = 0,
    n_cells: float | None = None,
    max_cells: int = 0,
) -> Contrast:
    """Compare each token with each concept, and go back to both.

    With token vectors H, concept vectors C, temperature t and bias b:

        Z  = H C^T / t + b
        dH = dZ C / t        dC = dZ^T H / t
        db = sum dZ          dt = -sum dZ (Z - b) / t

    Tokens are taken in chunks, so memory does not grow with the number of cells.

    H (Floats2d): Token vectors, (n_tokens, width).
    C (Floats2d): Concept vectors, (n_concepts, width).
    link (Link): Temperature and bias.
    targets (Targets): Which cells are positive.
    loss (InBatchBCE): The loss; it is given chunk by chunk what it has to average.
    ops (Ops): Where to compute.
    first (int): Which token of the batch the first row of H is.
    n_cells (float | None): What the sum over cells is divided by; None: the cells of
        the batch.
    max_cells (int): Cells of a chunk; 0: all at once.
    RETURNS (Contrast): Gradients and scores.
    """
    n_tokens, n_concepts = len(H), len(C)
    total = targets.n_cells if n_cells is None else n_cells
    step = max(1, max_cells // max(n_concepts, 1)) if max_cells else n_tokens
    xp, scale = get_array_module(H), 1.0 / link.temperature
    result = Contrast(dH=ops.alloc2f(*H.shape), dC=ops.alloc2f(*C.shape))
    for start in range(0, n_tokens, max(step, 1)):
        rows = slice(start, min(start + step, n_tokens))
        Y, W = (
            None if array is None else ops.asarray2f(cast(Floats2d, array))
            for array in targets.make_dense(first + rows.start, first + rows.stop)
        )  # (n_rows, n_concepts)
        Y = cast(Floats2d, Y)
        Z = multiply(H[rows], C.T)  # (n_rows, n_concepts)
        Z *= scale
        Z += link.bias
        dZ, value = loss(Z, Y, weights=W, n_cells=total)  # (n_rows, n_concepts)
        result.loss += value
        result.scores.add(Z, Y, value * total)
        sum_dZ = float(xp.sum(dZ, dtype="float64"))
        result.d_bias += sum_dZ
        inner = float(xp.sum(dZ * Z, dtype="float64")) - link.bias * sum_dZ
        result.d_temperature -= inner * scale
        dZ *= scale
        result.dH[rows] = multiply(dZ, C)  # (n_rows, width)
        result.dC += multiply(dZ.T, H[rows])  # (n_concepts, width)
    return result


def multiply(A: Floats2d, B: Floats2d) -> Floats2d:
    """Multiply two matrices as torch does.

    On a CPU, thinc's own product takes three times as long, and numpy's has threads of
    its own that `n_threads` doesn't rule.

    A (Floats2d): (n_rows, n).
    B (Floats2d): (n, n_columns).
    RETURNS (Floats2d): (n_rows, n_columns).
    """
    return cast(Floats2d, torch2xp(torch.mm(xp2torch(A), xp2torch(B))))
