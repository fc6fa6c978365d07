"""The training loop of contrastive pre-training (Section 3.3)."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from thinc.api import Optimizer
from thinc.loss import Loss
from tqdm import tqdm

from ..errors import Errors
from .batch import PretrainBatch, make_batch, plan_epoch
from .checkpoint import Progress, RunInfo, save_checkpoint
from .log import TrainLog
from .model import ContrastiveModel
from .optimizer import clip_by_global_norm
from .scores import Scores, evaluate
from .wordpieces import Ints, SubtokenCorpus

logger = logging.getLogger(__name__)

LAST, BEST, LOG = "last", "best", "log.jsonl"


@dataclass(frozen=True)
class Plan:
    """How often what is done."""

    seed: int
    batch_size: int
    bucket: int
    total_steps: int
    max_grad_norm: float
    log_every: int
    checkpoint_every: int


@dataclass(frozen=True)
class Trainer:
    """All parts of a run, and the folder that it writes to."""

    model: ContrastiveModel
    loss: Loss
    optimizer: Optimizer
    train: SubtokenCorpus
    dev: SubtokenCorpus
    plan: Plan
    info: RunInfo
    output: Path

    @property
    def log(self) -> TrainLog:
        return TrainLog(self.output / LOG)


def run_training(
    trainer: Trainer, progress: Progress, *, should_stop: Callable[[], bool]
) -> Progress:
    """Train from where `progress` stands to the last step.

    trainer (Trainer): The parts, with the weights that belong to `progress`.
    progress (Progress): Where to start; changed as the run goes on.
    should_stop (Callable[[], bool]): Asked after each step; if so, a checkpoint is
        written and the run ends early.
    RETURNS (Progress): Where the run ended.
    RAISES (ValueError): If the loss is not a number.
    """
    plan = trainer.plan
    bar: tqdm[Any] = tqdm(
        total=plan.total_steps, initial=progress.step, unit="step", disable=None
    )
    with bar:
        while not progress.finished:
            if not _train_epoch(trainer, progress, bar, should_stop):
                save_last(trainer, progress)
                return progress
            _end_epoch(trainer, progress)
    return progress


def _train_epoch(
    trainer: Trainer,
    progress: Progress,
    bar: "tqdm[Any]",
    should_stop: Callable[[], bool],
) -> bool:
    plan = trainer.plan
    batches = plan_batches(trainer.train, plan, progress.epoch)
    window, started, n_texts = Scores(), time.perf_counter(), 0
    while progress.position < len(batches) and progress.step < plan.total_steps:
        batch = make_batch(trainer.train, batches[progress.position])
        rate = float(trainer.optimizer.learn_rate)
        _step(trainer, batch, window, progress.step)
        progress.step += 1
        progress.position += 1
        n_texts += len(batch.texts.ids)
        bar.update()
        if progress.step % plan.log_every == 0:
            record: dict[str, Any] = {"step": progress.step, "epoch": progress.epoch}
            record |= window.means() | {"lr": rate}
            seconds = time.perf_counter() - started
            trainer.log.write(record | {"sentences_per_second": n_texts / seconds})
            shown = {name: f"{value:.4g}" for name, value in window.means().items()}
            bar.set_postfix(shown, refresh=False)
            window, started, n_texts = Scores(), time.perf_counter(), 0
        if progress.step % plan.checkpoint_every == 0:
            save_last(trainer, progress)
        if should_stop():
            return False
    return True


def _step(trainer: Trainer, batch: PretrainBatch, window: Scores, step: int) -> None:
    model, optimizer = trainer.model, trainer.optimizer
    logits, backprop = model.begin_update(batch)  # (n_tokens, n_concepts)
    targets = model.ops.asarray2f(batch.targets)  # (n_tokens, n_concepts)
    # Infinite logits are reported below, not by numpy
    with numpy.errstate(invalid="ignore"):
        gradient, loss = trainer.loss(logits, targets)
    if not math.isfinite(loss):
        rate = float(optimizer.learn_rate)
        raise ValueError(Errors.N307.format(loss=loss, step=step + 1, rate=rate))
    window.add(logits, targets, gradient, loss)
    backprop(gradient)
    if trainer.plan.max_grad_norm:
        clip_by_global_norm(model, trainer.plan.max_grad_norm)
    model.finish_update(optimizer)
    optimizer.step_schedules()


def _end_epoch(trainer: Trainer, progress: Progress) -> None:
    scores = evaluate(trainer.model, trainer.loss, iterate_dev(trainer))
    record = {"step": progress.step, "epoch": progress.epoch} | scores
    trainer.log.write(record)
    logger.info("%s", record)
    progress.epoch += 1
    progress.position = 0
    progress.finished = progress.step >= trainer.plan.total_steps
    best = progress.best_dev_loss
    if best is None or scores["dev_loss"] < best:
        progress.best_dev_loss = scores["dev_loss"]
        save_checkpoint(
            trainer.output / BEST,
            model=trainer.model,
            optimizer=None,
            progress=progress,
            info=trainer.info,
        )
    save_last(trainer, progress)


def save_last(trainer: Trainer, progress: Progress) -> None:
    """Write the checkpoint from which the run can go on.

    trainer (Trainer): The parts of the run.
    progress (Progress): Where it is.
    """
    save_checkpoint(
        trainer.output / LAST,
        model=trainer.model,
        optimizer=trainer.optimizer,
        progress=progress,
        info=trainer.info,
    )


def plan_batches(corpus: SubtokenCorpus, plan: Plan, epoch: int) -> list[Ints]:
    """Plan the batches of an epoch.

    corpus (SubtokenCorpus): The data.
    plan (Plan): Seed and sizes.
    epoch (int): The epoch, from 0.
    RETURNS (list[Ints]): Indices of the sentences of each batch.
    """
    return plan_epoch(
        corpus.ids.lengths,
        batch_size=plan.batch_size,
        seed=plan.seed,
        epoch=epoch,
        bucket=plan.bucket,
    )


def iterate_dev(trainer: Trainer) -> Iterator[PretrainBatch]:
    """Make the dev batches: the same ones after every epoch.

    trainer (Trainer): The parts of the run.
    YIELDS (PretrainBatch): A batch.
    """
    for sentences in plan_batches(trainer.dev, trainer.plan, epoch=0):
        yield make_batch(trainer.dev, sentences)
