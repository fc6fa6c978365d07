"""Signs that a run goes wrong: it is stopped, and the batch kept for inspection."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import Errors
from .checkpoint import Progress
from .safefile import replace_file
from .wordpieces import Ints, SubtokenCorpus

BAD_BATCH = "bad_batch.json"
# Steps in a row with a loss that is far too high, or without a finite gradient
MAX_HIGH = 10
MAX_SKIPPED = 30

DecodeT = Callable[[list[int]], str]


@dataclass(frozen=True)
class Figures:
    """What is known of a step when its gradient is there."""

    step: int  # from 1
    epoch: int
    rate: float
    loss: float
    norm: float | None  # of the gradient; None: it is not finite in half precision


def count_signs(figures: Figures, progress: Progress, *, max_loss_ratio: float) -> None:
    """Count the steps in a row that look bad.

    A single bad batch is no explosion. A run that diverges stays high, far above what
    it had reached before.

    figures (Figures): The step.
    progress (Progress): Where the run is; its counters are changed.
    max_loss_ratio (float): How far the loss may be above the lowest mean of a window of
        the log; 0: any far.
    """
    progress.n_skipped = progress.n_skipped + 1 if figures.norm is None else 0
    lowest = progress.lowest_loss
    is_high = bool(
        max_loss_ratio and lowest is not None and figures.loss > max_loss_ratio * lowest
    )
    progress.n_high = progress.n_high + 1 if is_high else 0


def find_problem(
    figures: Figures, progress: Progress, *, max_loss_ratio: float, path: Path
) -> str | None:
    """Tell whether a run has to stop.

    figures (Figures): The step.
    progress (Progress): Where the run is, this step counted.
    max_loss_ratio (float): How far the loss may be above its lowest mean.
    path (Path): Where the batch will be.
    RETURNS (str | None): The message; None: all is well.
    """
    step, loss, rate = figures.step, figures.loss, figures.rate
    if not math.isfinite(loss):
        return Errors.N307.format(loss=loss, step=step, rate=rate, path=path)
    if figures.norm is not None and not math.isfinite(figures.norm):
        norm = figures.norm
        return Errors.N330.format(norm=norm, step=step, loss=loss, rate=rate, path=path)
    if progress.n_high >= MAX_HIGH:
        return Errors.N331.format(
            step=step,
            loss=loss,
            ratio=max_loss_ratio,
            lowest=progress.lowest_loss,
            n=progress.n_high,
            path=path,
        )
    if progress.n_skipped >= MAX_SKIPPED:
        return Errors.N332.format(n=progress.n_skipped, step=step, path=path)
    return None


def write_bad_batch(
    path: Path,
    figures: Figures,
    corpus: SubtokenCorpus,
    sentences: Ints,
    *,
    seed: int,
    decode: DecodeT,
) -> None:
    """Write down the batch that a run stopped at.

    path (Path): The JSON file.
    figures (Figures): The step.
    corpus (SubtokenCorpus): The training part.
    sentences (Ints): Indices of the batch's sentences, (n_texts,).
    seed (int): Seed of the run: with the step's number it gives the same dropout.
    decode (Callable[[list[int]], str]): Sub-token ids to text.
    """
    known = {key: _to_json(value) for key, value in asdict(figures).items()}
    rows, concepts = [], set()
    for i in sentences:
        own = {corpus.concepts[c] for c in corpus.positive_concepts[i]}
        text = decode(corpus.ids[i].tolist()).strip()
        rows.append({"index": int(i), "text": text, "concepts": sorted(own)})
        concepts |= own
    record = known | {"seed": seed, "sentences": rows, "concepts": sorted(concepts)}
    with replace_file(path) as beside:
        content = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        beside.write_text(content, encoding="utf8")


def _to_json(value: float | None) -> float | str | None:
    # JSON has no nan
    return value if value is None or math.isfinite(value) else str(value)
