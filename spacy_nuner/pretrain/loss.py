"""Binary cross-entropy over the cells (token, concept) of a batch (Section 3.2)."""

from thinc.loss import Loss
from thinc.types import Floats2d
from thinc.util import get_array_module

from ..errors import Errors


class InBatchBCE(Loss):
    """Mean binary cross-entropy with logits over all cells of a batch.

    With logits z, targets y in {0, 1} and N = n_tokens * n_concepts cells:

        loss      = 1/N  sum softplus(z) - y z
        dloss/dz  = 1/N  (sigmoid(z) - y)

    Special and padding tokens have no row, so every cell counts. Unlike thinc's own
    losses, the value is the cross-entropy itself and not the gradient's square sum.
    """

    def __call__(self, guesses: Floats2d, truths: Floats2d) -> tuple[Floats2d, float]:
        """Calculate the gradient and the loss in one pass.

        guesses (Floats2d): Logits, (n_tokens, n_concepts).
        truths (Floats2d): Targets, 0 or 1, (n_tokens, n_concepts).
        RETURNS (tuple[Floats2d, float]): Gradient and value of the loss.
        """
        _check_shapes(guesses, truths)
        xp = get_array_module(guesses)
        n_cells = max(guesses.size, 1)
        # exp(-|z|) serves both formulas and cannot overflow
        e = xp.exp(-xp.abs(guesses))  # (n_tokens, n_concepts)
        softplus = xp.maximum(guesses, 0.0) + xp.log1p(e)  # (n_tokens, n_concepts)
        loss = (softplus - truths * guesses).sum(dtype="float64") / n_cells
        sigmoid = xp.where(guesses >= 0, 1.0, e) / (1.0 + e)  # (n_tokens, n_concepts)
        gradient = (sigmoid - truths) / n_cells  # (n_tokens, n_concepts)
        return gradient.astype(guesses.dtype), float(loss)

    def get_grad(self, guesses: Floats2d, truths: Floats2d) -> Floats2d:
        return self(guesses, truths)[0]

    def get_loss(self, guesses: Floats2d, truths: Floats2d) -> float:
        return self(guesses, truths)[1]


def configure_in_batch_bce() -> InBatchBCE:
    """Make the loss `spacy-nuner.InBatchBCE.v1`.

    RETURNS (InBatchBCE): The loss.
    """
    return InBatchBCE()


def probability_sums(
    guesses: Floats2d, truths: Floats2d, gradient: Floats2d
) -> tuple[float, float]:
    """Add up the probabilities of the positive and of the negative cells.

    The probabilities are read back from the gradient: sigmoid(z) = N dloss/dz + y.

    guesses (Floats2d): Logits, (n_tokens, n_concepts).
    truths (Floats2d): Targets, (n_tokens, n_concepts).
    gradient (Floats2d): The loss's gradient, (n_tokens, n_concepts).
    RETURNS (tuple[float, float]): Sum over the positives, sum over the negatives.
    """
    probabilities = gradient * guesses.size + truths  # (n_tokens, n_concepts)
    xp = get_array_module(guesses)
    positive = float(xp.sum(probabilities * truths, dtype="float64"))
    return positive, float(xp.sum(probabilities, dtype="float64")) - positive


def _check_shapes(guesses: Floats2d, truths: Floats2d) -> None:
    if guesses.shape != truths.shape:
        raise ValueError(Errors.N301.format(guesses=guesses.shape, truths=truths.shape))
