"""The logger `spacy-nuner.TensorBoardLogger.v1`; it works in `spacy train`, too."""

import importlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language
    from torch.utils.tensorboard import SummaryWriter

    from .loggers import SetUpT


class EventFiles:
    """Writes scalars for TensorBoard."""

    def __init__(self, log_dir: str) -> None:
        """Open nothing yet.

        log_dir (str): Folder for the event files, made if missing.
        """
        self.log_dir = log_dir
        self._writer: SummaryWriter | None = None

    def log_step(self, info: dict[str, Any] | None) -> None:
        """Write the figures of a step.

        info (dict[str, Any] | None): What spaCy tells its loggers; None: nothing.
        """
        if info is None:
            return
        scalars = {f"loss_{name}": loss for name, loss in info["losses"].items()}
        scalars |= info["other_scores"] or {}
        scalars["score"] = info["score"]
        if self._writer is None:
            self._writer = _import_writer()(
                self.log_dir,
                # What a run had written beyond the checkpoint it goes on from
                purge_step=info["step"],
            )
        for name, value in scalars.items():
            # Others, e.g. scores by label, are dictionaries
            if isinstance(value, int | float):
                self._writer.add_scalar(name, value, global_step=info["step"])
        # A kill loses nothing
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()


def make_tensorboard_logger(log_dir: str) -> "SetUpT":
    """Make the logger `spacy-nuner.TensorBoardLogger.v1`.

    log_dir (str): Folder for the event files, made if missing.
    RETURNS (SetUpT): What sets the logger up.
    RAISES (ImportError): If tensorboard is not installed.
    """
    _import_writer()

    def set_up(
        nlp: "Language", stdout: IO, stderr: IO
    ) -> tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]:
        files = EventFiles(log_dir)
        return files.log_step, files.close

    return set_up


def _import_writer() -> "type[SummaryWriter]":
    return importlib.import_module("torch.utils.tensorboard").SummaryWriter
