"""What is measured of the cells (token, concept): loss and mean probabilities."""

from dataclasses import dataclass

import numpy
from thinc.types import Floats2d
from thinc.util import get_array_module


@dataclass
class Scores:
    """Sums over the cells (token, concept) of some batches."""

    loss: float = 0.0
    positive: float = 0.0  # probabilities of the positive cells
    negative: float = 0.0  # probabilities of the negative cells
    n_positive: float = 0.0
    n_cells: float = 0.0

    def add(self, logits: Floats2d, targets: Floats2d, loss: float) -> None:
        """Add some cells.

        logits (Floats2d): (n_tokens, n_concepts).
        targets (Floats2d): 1 in the positive cells, (n_tokens, n_concepts).
        loss (float): Summed over the cells.
        """
        xp = get_array_module(logits)
        # Infinite logits are the loop's to report, not numpy's
        with numpy.errstate(over="ignore", invalid="ignore"):
            probabilities = 1.0 / (1.0 + xp.exp(-logits))  # (n_tokens, n_concepts)
        marked = targets == 1.0  # (n_tokens, n_concepts)
        positive = float(probabilities[marked].sum(dtype="float64"))
        self.loss += loss
        self.positive += positive
        self.negative += float(probabilities.sum(dtype="float64")) - positive
        self.n_positive += float(xp.count_nonzero(marked))
        self.n_cells += logits.size

    def merge(self, other: "Scores") -> None:
        """Add the sums of other cells.

        other (Scores): Their sums.
        """
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def means(self, prefix: str = "") -> dict[str, float]:
        """Divide by the numbers of cells.

        prefix (str): Put before the names.
        RETURNS (dict[str, float]): Mean loss and mean probabilities of the positive
            and of the negative cells.
        """
        n_negative = self.n_cells - self.n_positive
        return {
            f"{prefix}loss": self.loss / max(self.n_cells, 1),
            f"{prefix}p_pos": self.positive / max(self.n_positive, 1),
            f"{prefix}p_neg": self.negative / max(n_negative, 1),
        }
