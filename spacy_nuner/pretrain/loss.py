"""Binary cross-entropy over the cells (token, concept) of a batch (Section 3.2)."""

from thinc.loss import Loss
from thinc.types import Floats2d
from thinc.util import get_array_module

from ..errors import Errors
from .limits import is_number


class InBatchBCE(Loss):
    """Mean binary cross-entropy with logits over all cells of a batch.

    With logits z, targets y in [0, 1], weights w and N = n_tokens * n_concepts cells:

        loss      = 1/N  sum w (softplus(z) - y z)
        dloss/dz  = 1/N  w (sigmoid(z) - y)

    The paper has w = 1. Here w = 0 in a cell that is left out (see `targets.py`), and
    `positive_weight` in the others where y > 0; label smoothing s makes (1 - s) y of y.

    Special and padding tokens have no row, so every cell counts. Unlike thinc's own
    losses, the value is the cross-entropy itself and not the gradient's square sum.
    """

    def __init__(
        self, *, positive_weight: float = 1.0, label_smoothing: float = 0.0
    ) -> None:
        """Set what differs from the paper's loss; by default, nothing does.

        positive_weight (float): Weight of the positive cells; above 0.
        label_smoothing (float): What a positive cell's target falls short of 1; from 0
            to below 1.
        RAISES (ValueError): For values that are not allowed.
        """
        is_known = is_number(positive_weight) and is_number(label_smoothing)
        if not is_known or positive_weight <= 0 or not 0 <= label_smoothing < 1:
            raise ValueError(
                Errors.N314.format(weight=positive_weight, smoothing=label_smoothing)
            )
        self.positive_weight = positive_weight
        self.label_smoothing = label_smoothing

    def __call__(
        self,
        guesses: Floats2d,
        truths: Floats2d,
        *,
        weights: Floats2d | None = None,
        n_cells: float | None = None,
    ) -> tuple[Floats2d, float]:
        """Calculate the gradient and the loss in one pass.

        guesses (Floats2d): Logits z, (n_tokens, n_concepts).
        truths (Floats2d): Targets y, from 0 to 1, (n_tokens, n_concepts).
        weights (Floats2d | None): Weights w, (n_tokens, n_concepts); None: all 1.
        n_cells (float | None): N, where the cells are a part of a batch's; None: all.
        RETURNS (tuple[Floats2d, float]): Gradient and value of the loss.
        """
        if guesses.shape != truths.shape:
            shapes = {"guesses": guesses.shape, "truths": truths.shape}
            raise ValueError(Errors.N301.format(**shapes))
        xp = get_array_module(guesses)
        scale = 1.0 / (max(guesses.size, 1) if n_cells is None else n_cells)
        w = self._weigh(truths, weights)  # (n_tokens, n_concepts)
        y = truths * (1.0 - self.label_smoothing)  # (n_tokens, n_concepts)
        # exp(-|z|) serves both formulas and cannot overflow
        e = xp.exp(-xp.abs(guesses))  # (n_tokens, n_concepts)
        softplus = xp.maximum(guesses, 0.0) + xp.log1p(e)  # (n_tokens, n_concepts)
        loss = (w * (softplus - y * guesses)).sum(dtype="float64") * scale
        sigmoid = xp.where(guesses >= 0, 1.0, e) / (1.0 + e)  # (n_tokens, n_concepts)
        gradient = w * (sigmoid - y) * scale  # (n_tokens, n_concepts)
        return gradient.astype(guesses.dtype), float(loss)

    def _weigh(self, truths: Floats2d, weights: Floats2d | None) -> Floats2d | float:
        if self.positive_weight == 1.0:
            return 1.0 if weights is None else weights
        xp = get_array_module(truths)
        positive = xp.where(truths > 0, self.positive_weight, 1.0).astype(truths.dtype)
        return positive if weights is None else positive * weights

    def get_grad(self, guesses: Floats2d, truths: Floats2d) -> Floats2d:
        return self(guesses, truths)[0]

    def get_loss(self, guesses: Floats2d, truths: Floats2d) -> float:
        return self(guesses, truths)[1]


def configure_in_batch_bce(
    *, positive_weight: float = 1.0, label_smoothing: float = 0.0
) -> InBatchBCE:
    """Make the loss `spacy-nuner.InBatchBCE.v1`. The defaults are the paper's loss.

    positive_weight (float): Weight of the positive cells.
    label_smoothing (float): What a positive cell's target falls short of 1.
    RETURNS (InBatchBCE): The loss.
    """
    return InBatchBCE(positive_weight=positive_weight, label_smoothing=label_smoothing)
