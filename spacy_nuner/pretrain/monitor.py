"""How a run goes: on the progress bar, in `log.jsonl` and with a registered logger."""

from types import TracebackType
from typing import Any

from tqdm import tqdm

from .checkpoint import Progress
from .log import TrainLog
from .loggers import RunLogger


class Monitor:
    """Tells the three of them the same figures."""

    def __init__(
        self,
        log: TrainLog,
        *,
        step: int,
        total_steps: int,
        logger: RunLogger | None = None,
        is_silent: bool = False,
    ) -> None:
        """Show the bar.

        log (TrainLog): The log.
        step (int): Steps that are done.
        total_steps (int): Steps of the whole run.
        logger (RunLogger | None): The registered logger.
        is_silent (bool): Whether nothing is told: another process does.
        """
        self.log = log
        self.is_silent = is_silent
        self.logger = logger
        # Not shown where nobody looks: if the output is no terminal
        self._bar: tqdm[Any] = tqdm(
            total=total_steps,
            initial=step,
            unit="step",
            disable=True if is_silent else None,
        )
        self._n_texts = 0
        self._seconds = 0.0

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self.logger is not None:
            self.logger.close()

    def end_step(self, progress: Progress, *, n_texts: int, seconds: float) -> None:
        """Show how the steps since the last line of the log went.

        progress (Progress): Where the run is.
        n_texts (int): Sentences of the step.
        seconds (float): What it took.
        """
        self._n_texts += n_texts
        self._seconds += seconds
        shown = {name: f"{x:.4g}" for name, x in progress.window.means().items()}
        shown["sent/s"] = f"{self._n_texts / self._seconds:.4g}"
        # The bar itself tells the time left
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()

    def end_window(self, progress: Progress, *, rate: float) -> None:
        """Write down the means since the last line of the log.

        progress (Progress): Where the run is.
        rate (float): Learning rate of the last step.
        """
        speed = self._n_texts / self._seconds
        self._write(
            {"step": progress.step, "epoch": progress.epoch}
            | progress.window.means()
            | {"lr": rate, "sentences_per_second": speed}
        )
        self._n_texts, self._seconds = 0, 0.0

    def end_epoch(self, progress: Progress, scores: dict[str, float]) -> None:
        """Write down the scores on the dev part.

        progress (Progress): Where the run is.
        scores (dict[str, float]): The scores.
        """
        self._write({"step": progress.step, "epoch": progress.epoch} | scores)

    def _write(self, record: dict[str, Any]) -> None:
        if self.is_silent:
            return
        self.log.write(record)
        if self.logger is not None:
            self.logger.write(record)
