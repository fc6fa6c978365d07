"""When the checkpoints of a run are written: every so many steps or minutes."""

import math
import time
from pathlib import Path

import torch
from thinc.api import Optimizer

from .checkpoint import Progress, RunInfo, save_checkpoint
from .model import ContrastiveModel, get_encoders
from .world import ALONE, World

LAST, BEST = "last", "best"


def is_finite(model: ContrastiveModel) -> bool:
    """Tell whether the weights are all numbers.

    model (Model): The contrastive model.
    RETURNS (bool): Whether no weight is nan or infinite.
    """
    weights = [
        w.detach() for encoder in get_encoders(model) for w in encoder.parameters()
    ]
    # One number for each: the norm of what is not finite isn't either
    return all(math.isfinite(norm) for norm in torch._foreach_norm(weights))


class Saver:
    """Writes `last`, from which a run goes on, and `best`, which is exported."""

    def __init__(
        self,
        output: Path,
        *,
        model: ContrastiveModel,
        optimizer: Optimizer,
        info: RunInfo,
        every: int,
        minutes: float,
        world: World = ALONE,
    ) -> None:
        """Set what is saved and how often.

        output (Path): Folder of the run.
        model (Model): The contrastive model.
        optimizer (Optimizer): The optimizer.
        info (RunInfo): What the run is.
        every (int): Steps from one checkpoint to the next; 0: steps don't count.
        minutes (float): Minutes from one to the next; 0: time doesn't count.
        world (World): The processes; the first one writes.
        """
        self.output = output
        self.model = model
        self.optimizer = optimizer
        self.info = info
        self.every = every
        self.minutes = minutes
        self.world = world
        self._saved_at = time.monotonic()
        self._saved_step = -1

    def save_if_due(self, progress: Progress) -> None:
        """Write `last` if enough steps or minutes have passed.

        progress (Progress): Where the run is.
        """
        minutes = (time.monotonic() - self._saved_at) / 60
        is_late = self.minutes and minutes >= self.minutes
        if is_late or (self.every and progress.step % self.every == 0):
            self.save_last(progress)

    def save_epoch(self, progress: Progress) -> None:
        """Write `last` before the scores on the dev part, if it isn't there already.

        They may end in an error, which would cost the whole epoch. Weights that are no
        numbers are not kept: the error is theirs.

        progress (Progress): Where the run is, at the end of the epoch's steps.
        """
        if self._saved_step != progress.step and is_finite(self.model):
            self.save_last(progress)

    def save_last(self, progress: Progress) -> None:
        """Write the checkpoint from which the run can go on. The one before is kept.

        progress (Progress): Where the run is.
        """
        if not self.world.is_first:
            return
        save_checkpoint(
            self.output / LAST,
            model=self.model,
            optimizer=self.optimizer,
            progress=progress,
            info=self.info,
            keep_previous=True,
        )
        self._saved_at = time.monotonic()
        self._saved_step = progress.step

    def save_best(self, progress: Progress) -> None:
        """Write the weights, to be exported.

        progress (Progress): Where the run is.
        """
        if not self.world.is_first:
            return
        save_checkpoint(
            self.output / BEST,
            model=self.model,
            optimizer=None,
            progress=progress,
            info=self.info,
        )
