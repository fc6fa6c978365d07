"""Loggers of spaCy's registry, fed by pre-training: W&B, MLflow, ClearML and others."""

import logging
import sys
from collections.abc import Callable
from typing import IO, Any

from spacy import blank
from spacy.language import Language
from spacy.util import registry
from thinc.api import Config

from ..errors import Errors, Warnings

logger = logging.getLogger(__name__)

LogStepT = Callable[[dict[str, Any] | None], None]
# As spaCy calls them: pipeline, stdout, stderr -> log_step, finalize
SetUpT = Callable[[Language, IO, IO], tuple[LogStepT, Callable[[], None]]]


class RunLogger:
    """Hands the records of `log.jsonl` on, as `spacy train` hands on its own.

    A logger is given what it reads there: the config (as that of an empty pipeline),
    and for each record the loss, other scores, and the score that decides which
    checkpoint is best.
    """

    def __init__(
        self, name: str, set_up: SetUpT, config: dict[str, Any], *, best_by: str
    ) -> None:
        """Start the logger.

        name (str): Its name in messages.
        set_up (SetUpT): The function that the registry made.
        config (dict[str, Any]): The config of the run, interpolated.
        best_by (str): Which dev score decides.
        RAISES (ValueError): If it can't be started.
        """
        self.name = name
        self.best_by = best_by
        self._step = 0
        self._score: float | None = None
        self._results: list[tuple[float, int]] = []
        nlp = blank("en")
        nlp.config = Config(config).copy()
        try:
            log_step, self._finalize = set_up(nlp, sys.stdout, sys.stderr)
        except Exception as error:
            raise ValueError(
                Errors.N336.format(name=name, error=repr(error))
            ) from error
        self._log_step: LogStepT | None = log_step

    def write(self, record: dict[str, Any]) -> None:
        """Hand a record on. A logger that fails gets no more of them.

        record (dict[str, Any]): A line of `log.jsonl`.
        """
        if self._log_step is None:
            return
        self._step = step = record["step"]
        others = {k: v for k, v in record.items() if k not in ("step", "epoch", "loss")}
        if self.best_by in record:
            self._score = record[self.best_by]
            self._results.append((record[self.best_by], step))
        info = {
            "step": step,
            "epoch": record["epoch"],
            "score": self._score,
            "other_scores": others,
            "losses": {"pretrain": record["loss"]} if "loss" in record else {},
            "checkpoints": self._results,
        }
        try:
            self._log_step(info)
        # A service that is down must not end a run of days, whatever its client raises
        except Exception as error:
            self._give_up(error)

    def close(self) -> None:
        """Let the logger finish."""
        try:
            self._finalize()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._log_step = None
        logger.warning(
            Warnings.W331.format(name=self.name, step=self._step, error=repr(error))
        )


def resolve_logger(section: dict[str, Any] | None) -> SetUpT | None:
    """Make the logger that the config names.

    section (dict[str, Any] | None): `[pretrain.logger]`; None: there is none.
    RETURNS (SetUpT | None): What sets it up.
    RAISES (ValueError): If its package is not installed.
    """
    if section is None:
        return None
    try:
        return registry.resolve({"logger": section})["logger"]
    except ImportError as error:
        name = section["@loggers"]
        raise ValueError(Errors.N335.format(name=name, error=error)) from None
