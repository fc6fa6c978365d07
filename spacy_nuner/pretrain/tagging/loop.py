"""The training loop of token classification."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thinc.api import Optimizer
from tqdm import tqdm

from ...errors import Errors
from ..batch import plan_epoch
from ..log import TrainLog
from ..loop import LOG, seed_step
from ..optimizer import clip_by_global_norm
from ..saving import BEST, LAST
from .batch import TagScores, cross_entropy, make_tag_batch, plan_evaluation
from .checkpoint import TagProgress, TagRun, save_tag_checkpoint
from .data import TagCorpus
from .model import TagModel
from .settings import BestBy

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TagPlan:
    """How often what is done, and when to stop."""

    seed: int
    batch_size: int
    bucket: int
    total_steps: int
    max_grad_norm: float
    log_every: int
    checkpoint_every: int  # steps; 0: steps don't count
    checkpoint_minutes: float  # 0: time doesn't count
    best_by: BestBy


@dataclass
class TagTrainer:
    """All parts of a run, and the folder that it writes to."""

    model: TagModel
    optimizer: Optimizer
    train: TagCorpus
    dev: TagCorpus
    plan: TagPlan
    run: TagRun
    output: Path
    pad_id: int
    saved_at: float = field(default_factory=time.monotonic)

    @property
    def log(self) -> TrainLog:
        return TrainLog(self.output / LOG)

    def save(self, progress: TagProgress, *, is_best: bool = False) -> None:
        """Write `last`, from which the run can go on, or `best`, to be exported.

        progress (TagProgress): Where the run is.
        is_best (bool): Which of the two.
        """
        save_tag_checkpoint(
            self.output / (BEST if is_best else LAST),
            model=self.model,
            optimizer=None if is_best else self.optimizer,
            progress=progress,
            run=self.run,
        )
        if not is_best:
            self.saved_at = time.monotonic()


def run_tagging(
    trainer: TagTrainer, progress: TagProgress, *, should_stop: Callable[[], bool]
) -> TagProgress:
    """Train from where `progress` stands to the last step.

    trainer (TagTrainer): The parts, with the weights that belong to `progress`.
    progress (TagProgress): Where to start; changed as the run goes on.
    should_stop (Callable[[], bool]): Asked after each step; if so, a checkpoint is
        written and the run ends early.
    RETURNS (TagProgress): Where the run ended.
    RAISES (ValueError): If the loss is not finite.
    """
    plan = trainer.plan
    bar: tqdm[Any] = tqdm(
        total=plan.total_steps, initial=progress.step, unit="step", disable=None
    )
    with bar:
        while not progress.finished:
            batches = plan_epoch(
                trainer.train.lengths,
                batch_size=plan.batch_size,
                seed=plan.seed,
                epoch=progress.epoch,
                bucket=plan.bucket,
            )
            while progress.position < len(batches) and progress.step < plan.total_steps:
                _take_step(trainer, progress, batches[progress.position])
                shown = {k: f"{x:.4g}" for k, x in progress.window.means().items()}
                bar.set_postfix(shown, refresh=False)
                bar.update()
                _end_step(trainer, progress)
                if should_stop():
                    trainer.save(progress)
                    return progress
            _end_epoch(trainer, progress)
    return progress


def evaluate_tags(
    model: TagModel, corpus: TagCorpus, *, pad_id: int
) -> dict[str, float]:
    """Measure a classifier.

    model (TagModel): The classifier.
    corpus (TagCorpus): The sentences.
    pad_id (int): Id of the padding sub-token.
    RETURNS (dict[str, float]): "dev_loss", and "dev_f1": mean over the labels.
    """
    scores = TagScores()
    for sentences in plan_evaluation(corpus.lengths):
        part, tags = make_tag_batch(corpus, sentences, pad_id=pad_id)
        logits = model.predict(part)  # (n_tokens, n_tags)
        scores.add(logits, tags, cross_entropy(logits, tags)[0])
    return scores.means("dev_")


def _take_step(trainer: TagTrainer, progress: TagProgress, sentences: Any) -> None:
    model, optimizer, plan = trainer.model, trainer.optimizer, trainer.plan
    seed_step(plan.seed, progress.step)
    part, tags = make_tag_batch(trainer.train, sentences, pad_id=trainer.pad_id)
    logits, backprop = model.begin_update(part)  # (n_tokens, n_tags)
    loss, gradient = cross_entropy(logits, tags)
    backprop(gradient)
    norm = clip_by_global_norm(model, plan.max_grad_norm)
    if not math.isfinite(loss + norm):
        rate = float(optimizer.learn_rate)
        at = {"loss": loss, "norm": norm, "step": progress.step + 1, "rate": rate}
        raise ValueError(Errors.N372.format(**at))
    model.finish_update(optimizer)
    optimizer.step_schedules()
    progress.window.add(logits, tags, loss)
    progress.step += 1
    progress.position += 1


def _end_step(trainer: TagTrainer, progress: TagProgress) -> None:
    plan = trainer.plan
    if progress.step % plan.log_every == 0:
        at = {"step": progress.step, "epoch": progress.epoch}
        trainer.log.write(at | progress.window.means())
        progress.window = TagScores()
    minutes = (time.monotonic() - trainer.saved_at) / 60
    is_late = plan.checkpoint_minutes and minutes >= plan.checkpoint_minutes
    if is_late or (
        plan.checkpoint_every and progress.step % plan.checkpoint_every == 0
    ):
        trainer.save(progress)


def _end_epoch(trainer: TagTrainer, progress: TagProgress) -> None:
    plan = trainer.plan
    scores = evaluate_tags(trainer.model, trainer.dev, pad_id=trainer.pad_id)
    at = {"step": progress.step, "epoch": progress.epoch}
    trainer.log.write(at | scores)
    logger.info("%s", at | scores)
    progress.epoch += 1
    progress.position = 0
    progress.finished = progress.step >= plan.total_steps
    score, best = scores[plan.best_by], progress.best_score
    sign = -1.0 if plan.best_by == "dev_loss" else 1.0
    if best is None or sign * score > sign * best:
        progress.best_score = score
        trainer.save(progress, is_best=True)
    trainer.save(progress)
