"""What is measured in pre-training: loss, probabilities, rank."""

from collections.abc import Iterable
from dataclasses import dataclass

from thinc.loss import Loss
from thinc.types import Floats2d
from thinc.util import get_array_module

from .batch import PretrainBatch
from .loss import probability_sums
from .model import ContrastiveModel


@dataclass
class Scores:
    """Sums over the cells (token, concept) of some batches."""

    loss: float = 0.0
    positive: float = 0.0  # probabilities of the positive cells
    negative: float = 0.0  # probabilities of the negative cells
    n_positive: float = 0.0
    n_cells: float = 0.0

    def add(
        self, logits: Floats2d, targets: Floats2d, gradient: Floats2d, loss: float
    ) -> None:
        """Add a batch.

        logits (Floats2d): (n_tokens, n_concepts).
        targets (Floats2d): (n_tokens, n_concepts).
        gradient (Floats2d): The loss's gradient, (n_tokens, n_concepts).
        loss (float): Mean over the cells.
        """
        positive, negative = probability_sums(logits, targets, gradient)
        self.loss += loss * logits.size
        self.positive += positive
        self.negative += negative
        self.n_positive += float(get_array_module(targets).sum(targets))
        self.n_cells += logits.size

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


def evaluate(
    model: ContrastiveModel, loss: Loss, batches: Iterable[PretrainBatch]
) -> dict[str, float]:
    """Score the model on the dev part.

    model (Model): The contrastive model.
    loss (Loss): The loss.
    batches (Iterable[PretrainBatch]): The dev part.
    RETURNS (dict[str, float]): Loss, mean probabilities, and `dev_first`: the share of
        mentions' tokens whose most likely concept in the batch is one of theirs.
    """
    scores, n_first, n_tokens = Scores(), 0.0, 0
    for batch in batches:
        logits = model.predict(batch)  # (n_tokens, n_concepts)
        targets = model.ops.asarray2f(batch.targets)  # (n_tokens, n_concepts)
        gradient, value = loss(logits, targets)
        scores.add(logits, targets, gradient, value)
        xp = get_array_module(logits)
        highest = xp.max(logits, axis=1, keepdims=True)  # (n_tokens, 1)
        first = logits == highest  # (n_tokens, n_concepts)
        n_first += float(xp.sum(first * targets))
        n_tokens += int(xp.sum(xp.any(targets, axis=1)))
    return scores.means("dev_") | {"dev_first": n_first / max(n_tokens, 1)}
