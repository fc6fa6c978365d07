"""The training loop of contrastive pre-training (Section 3.3)."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import torch
from thinc.api import Optimizer
from tqdm import tqdm

from ..errors import Errors
from .batch import make_batch, plan_epoch
from .checkpoint import Progress, RunInfo, save_checkpoint
from .evaluate import evaluate
from .frozen import FrozenStates
from .log import TrainLog
from .loss import InBatchBCE
from .model import ContrastiveModel
from .optimizer import clip_by_global_norm
from .scores import Scores
from .step import StepSettings, forget_gradients, take_gradient, unscale
from .targets import PAPER_RULES, TargetRules
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
    loss: InBatchBCE
    optimizer: Optimizer
    train: SubtokenCorpus
    dev: SubtokenCorpus
    plan: Plan
    info: RunInfo
    output: Path
    step: StepSettings = field(default_factory=StepSettings)
    rules: TargetRules = PAPER_RULES
    frozen: FrozenStates | None = None

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
        sentences = batches[progress.position]
        rate = float(trainer.optimizer.learn_rate)
        _step(trainer, sentences, window, progress.step)
        progress.step += 1
        progress.position += 1
        n_texts += len(sentences)
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


def _step(trainer: Trainer, sentences: Ints, window: Scores, step: int) -> None:
    model, optimizer, plan = trainer.model, trainer.optimizer, trainer.plan
    seed_step(plan.seed, step)
    found, _ = take_gradient(
        model,
        lambda n_parts: make_batch(
            trainer.train,
            sentences,
            n_parts=n_parts,
            frozen=trainer.frozen,
            rules=trainer.rules,
        ),
        trainer.loss,
        trainer.step,
    )
    if not math.isfinite(found.loss):
        rate = float(optimizer.learn_rate)
        raise ValueError(Errors.N307.format(loss=found.loss, step=step + 1, rate=rate))
    window.merge(found.scores)
    if unscale(model):
        if plan.max_grad_norm:
            clip_by_global_norm(model, plan.max_grad_norm)
    else:
        forget_gradients(model)
    model.finish_update(optimizer)
    optimizer.step_schedules()


def seed_step(seed: int, step: int) -> None:
    """Fix the random numbers of a step: what dropout draws follows from its number.

    A run that goes on needs no state of the random generators, then.

    seed (int): Seed of the run.
    step (int): The step, from 0.
    """
    state = numpy.random.SeedSequence([seed, step]).generate_state(1, "uint64")
    torch.manual_seed(int(state[0]) >> 1)


def _end_epoch(trainer: Trainer, progress: Progress) -> None:
    scores = evaluate(trainer.model, trainer.loss, trainer.dev, seed=trainer.plan.seed)
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
