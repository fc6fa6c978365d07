"""The training loop of contrastive pre-training (Section 3.3)."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import torch
from thinc.api import Optimizer

from ..errors import Errors
from .batch import PretrainBatch, make_batch, plan_epoch
from .checkpoint import Progress, RunInfo
from .evaluate import LOWER_IS_BETTER, BestBy, evaluate
from .frozen import FrozenStates
from .health import (
    BAD_BATCH,
    DecodeT,
    Figures,
    count_signs,
    find_problem,
    write_bad_batch,
)
from .log import TrainLog
from .loggers import RunLogger, SetUpT
from .loss import InBatchBCE
from .model import ContrastiveModel
from .monitor import Monitor
from .optimizer import clip_by_global_norm
from .saving import Saver
from .scores import Scores
from .step import StepSettings, forget_gradients, take_gradient, unscale
from .targets import PAPER_RULES, TargetRules
from .wordpieces import Ints, SubtokenCorpus
from .world import ALONE, World

logger = logging.getLogger(__name__)

LOG = "log.jsonl"


@dataclass(frozen=True)
class Plan:
    """How often what is done, and when to stop."""

    seed: int
    batch_size: int
    bucket: int
    total_steps: int
    max_grad_norm: float
    log_every: int
    best_by: BestBy = "dev_mrr"
    patience: int = 0  # epochs without gain; 0: any number
    max_loss_ratio: float = 0.0  # to the lowest mean so far; 0: any


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
    saver: Saver
    decode: DecodeT  # sub-token ids to text
    step: StepSettings = field(default_factory=StepSettings)
    rules: TargetRules = PAPER_RULES
    frozen: FrozenStates | None = None
    set_up_logger: SetUpT | None = None
    world: World = ALONE

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
    RAISES (ValueError): If loss or gradient are not finite, or the loss explodes.
    """
    with make_monitor(trainer, progress) as monitor:
        while not progress.finished:
            before = progress.step
            if not _train_epoch(trainer, progress, monitor, should_stop):
                trainer.saver.save_last(progress)
                return progress
            if progress.step > before:
                trainer.saver.save_epoch(progress)
            _end_epoch(trainer, progress, monitor)
    return progress


def make_monitor(trainer: Trainer, progress: Progress) -> Monitor:
    """Start what shows how the run goes.

    trainer (Trainer): The parts of the run.
    progress (Progress): Where it is.
    RETURNS (Monitor): Bar, log and logger.
    """
    config, logger = trainer.info.config, None
    if trainer.set_up_logger is not None and trainer.world.is_first:
        logger = RunLogger(
            config["pretrain"]["logger"]["@loggers"],
            trainer.set_up_logger,
            config,
            best_by=trainer.plan.best_by,
        )
    return Monitor(
        trainer.log,
        step=progress.step,
        total_steps=trainer.plan.total_steps,
        logger=logger,
        is_silent=not trainer.world.is_first,
    )


def _train_epoch(
    trainer: Trainer,
    progress: Progress,
    monitor: Monitor,
    should_stop: Callable[[], bool],
) -> bool:
    plan = trainer.plan
    batches = plan_batches(trainer.train, plan, progress.epoch)
    while progress.position < len(batches) and progress.step < plan.total_steps:
        sentences, started = batches[progress.position], time.perf_counter()
        rate = float(trainer.optimizer.learn_rate)
        take_step(trainer, sentences, progress)
        seconds = time.perf_counter() - started
        progress.step += 1
        progress.position += 1
        monitor.end_step(progress, n_texts=len(sentences), seconds=seconds)
        if progress.step % plan.log_every == 0:
            monitor.end_window(progress, rate=rate)
            _end_window(progress)
        trainer.saver.save_if_due(progress)
        if should_stop():
            return False
    return True


def take_step(trainer: Trainer, sentences: Ints, progress: Progress) -> None:
    """Train on one batch.

    trainer (Trainer): The parts of the run.
    sentences (Ints): Indices of the batch's sentences, (n_texts,).
    progress (Progress): Where the run is; what the batch shows is added to it.
    RAISES (ValueError): If loss or gradient are not finite, or the loss explodes.
    """
    model, optimizer, plan = trainer.model, trainer.optimizer, trainer.plan

    def make(n_parts: int) -> PretrainBatch:
        # A step that is tried again draws the same random numbers
        seed_step(plan.seed, progress.step, rank=trainer.world.rank)
        return make_batch(
            trainer.train,
            sentences,
            n_parts=n_parts,
            frozen=trainer.frozen,
            rules=trainer.rules,
            portion=trainer.world.portion,
        )

    found, _ = take_gradient(
        model, make, trainer.loss, trainer.step, world=trainer.world
    )
    progress.window.merge(found.scores)
    is_finite = unscale(model)
    figures = Figures(
        step=progress.step + 1,
        epoch=progress.epoch,
        rate=float(optimizer.learn_rate),
        loss=found.loss,
        norm=clip_by_global_norm(model, plan.max_grad_norm) if is_finite else None,
    )
    _check(trainer, figures, progress, sentences)
    if is_finite:
        model.finish_update(optimizer)
    else:
        # The scale of the loss was too large, and is smaller in the next step
        forget_gradients(model)
    optimizer.step_schedules()


def _check(
    trainer: Trainer, figures: Figures, progress: Progress, sentences: Ints
) -> None:
    path, ratio = trainer.output / BAD_BATCH, trainer.plan.max_loss_ratio
    count_signs(figures, progress, max_loss_ratio=ratio)
    problem = find_problem(figures, progress, max_loss_ratio=ratio, path=path)
    if problem is not None:
        if trainer.world.is_first:
            write_bad_batch(
                path,
                figures,
                trainer.train,
                sentences,
                seed=trainer.plan.seed,
                decode=trainer.decode,
            )
        raise ValueError(problem)


def seed_step(seed: int, step: int, *, rank: int = 0) -> None:
    """Fix the random numbers of a step: what dropout draws follows from its number.

    A run that goes on needs no state of the random generators, then.

    seed (int): Seed of the run.
    step (int): The step, from 0.
    rank (int): Which process; the first one draws what a run of one process draws.
    """
    entropy = [seed, step, rank] if rank else [seed, step]
    state = numpy.random.SeedSequence(entropy).generate_state(1, "uint64")
    torch.manual_seed(int(state[0]) >> 1)


def _end_window(progress: Progress) -> None:
    loss, lowest = progress.window.means()["loss"], progress.lowest_loss
    progress.lowest_loss = loss if lowest is None else min(loss, lowest)
    progress.window = Scores()


def _end_epoch(trainer: Trainer, progress: Progress, monitor: Monitor) -> None:
    plan, saver = trainer.plan, trainer.saver
    scores = evaluate(
        trainer.model, trainer.loss, trainer.dev, seed=plan.seed, world=trainer.world
    )
    if not math.isfinite(loss := scores["dev_loss"]):
        at = {"epoch": progress.epoch + 1, "step": progress.step}
        raise ValueError(Errors.N333.format(loss=loss, **at))
    monitor.end_epoch(progress, scores)
    logger.info("%s", {"step": progress.step, "epoch": progress.epoch} | scores)
    progress.epoch += 1
    progress.position = 0
    score, best = scores[plan.best_by], progress.best_score
    sign = -1.0 if plan.best_by in LOWER_IS_BETTER else 1.0
    is_best = best is None or sign * score > sign * best
    progress.n_without_gain = 0 if is_best else progress.n_without_gain + 1
    is_over = 0 < plan.patience <= progress.n_without_gain
    if is_over:
        logger.info("No gain in %s over %d epochs", plan.best_by, plan.patience)
    progress.finished = is_over or progress.step >= plan.total_steps
    if is_best:
        progress.best_score = score
        saver.save_best(progress)
    saver.save_last(progress)


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
