"""The factor by which half precision needs the loss enlarged."""

import torch
from torch import Tensor, nn

START = 2.0**16
# So many steps without overflow double the scale
GROWTH_INTERVAL = 2000


class LossScale(nn.Module):
    """One scale for both encoders: what overflows in one skips the step of both.

    fp16 has nothing between 0 and 6e-8, and the entries of a gradient that is a mean
    over half a million cells are there. thinc's scaler knows CUDA alone, has one scale
    for each encoder and is in no checkpoint; these are buffers of the text encoder.
    """

    value: Tensor  # ()
    n_good: Tensor  # (): steps since the scale was changed

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(START))
        self.register_buffer("n_good", torch.tensor(0))

    def unscale(self, gradients: list[Tensor]) -> bool:
        """Take the scale out of all gradients of a step, and adapt it.

        gradients (list[Tensor]): The gradients of both encoders, changed in place.
        RETURNS (bool): Whether they are finite. If not, the step is to be skipped: the
            scale was too large, and is half of it from now on.
        """
        torch._foreach_mul_(gradients, 1.0 / float(self.value))
        norms = torch.stack(torch._foreach_norm(gradients))  # (n_gradients,)
        is_finite = bool(norms.isfinite().all())
        self.n_good += 1
        if not is_finite:
            self.value *= 0.5
            self.n_good.zero_()
        elif int(self.n_good) == GROWTH_INTERVAL:
            self.value *= 2.0
            self.n_good.zero_()
        return is_finite
