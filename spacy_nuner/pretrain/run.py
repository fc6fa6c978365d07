"""A pre-training run from config to checkpoint: start, go on, or say it is done."""

import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from spacy.util import registry
from thinc.api import Config, fix_random_seed

from ..errors import Errors, Warnings
from ..hf import load_tokenizer
from .batch import make_batch
from .checkpoint import Progress, RunInfo, load_checkpoint, read_header
from .corpora import INDEX, read_corpora
from .distributed import join, wrap_towers
from .encoders import set_num_threads, set_tf32
from .gpu import use_gpu
from .hardware import RUNS, recording
from .health import BAD_BATCH
from .index import IndexingStopped
from .knowledge import prepare
from .limits import check_schedule
from .loggers import resolve_logger
from .loop import LOG, Plan, Trainer, plan_batches, run_training
from .memory import explain_lack
from .model import get_link, is_trained, measure_log_odds, set_link
from .recovery import find_checkpoint
from .saving import BEST, LAST, Saver
from .settings import (
    describe_corpus,
    find_differences,
    get_decisive_settings,
    set_steps,
)
from .step import StepSettings
from .wordpieces import SubtokenCorpus
from .world import ALONE, World

logger = logging.getLogger(__name__)

# The bias "log_odds" is measured on so many batches
N_MEASURED = 16

Status = Literal["finished", "no gain", "stopped", "nothing to do"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    status: Status
    step: int
    total_steps: int


def pretrain(
    config: Config,
    output: Path,
    *,
    restart: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Train both encoders, or go on where the last run stopped.

    config (Config): From `load_settings`.
    output (Path): Folder for `last`, `best` and `log.jsonl`.
    restart (bool): Start anew, and delete what is there once all is ready for it.
    should_stop (Callable[[], bool] | None): Asked after each step, and now and then
        while a long corpus is indexed.
    RETURNS (Outcome): How it ended.
    RAISES (ValueError): If the checkpoint that is there belongs to another run.
    RAISES (MemoryError): If memory runs out and nothing more can be tried.
    """
    settings = config.interpolate()
    with (
        join(
            **settings["pretrain"]["distributed"],
            on_gpu=settings["system"]["gpu_id"] >= 0,
            checkpoint=output / LAST,
        ) as world,
        explain_lack(),
    ):
        return pretrain_in(
            world, config, output, restart=restart, should_stop=should_stop or _never
        )


def pretrain_in(
    world: World,
    config: Config,
    output: Path,
    *,
    restart: bool,
    should_stop: Callable[[], bool],
) -> Outcome:
    """Train as one of the processes of a run.

    world (World): The processes.
    config (Config): From `load_settings`.
    output (Path): Folder of the run.
    restart (bool): Delete what is there and start anew.
    should_stop (Callable[[], bool]): Asked after each step; all stop when one wants to.
    RETURNS (Outcome): How it ended.
    """
    train = dev = None
    with world.in_turn(), suppress(IndexingStopped):
        train, dev = read_corpora(config, output / INDEX, should_stop=should_stop)
    if world.any(train is None) or train is None or dev is None:
        return Outcome("stopped", 0, 0)
    config = set_steps(config, n_sentences=len(train))
    info = RunInfo(
        settings=get_decisive_settings(config, n_ranks=world.size),
        corpus=describe_corpus(train, dev),
        config=dict(config),
        n_ranks=world.size,
    )
    total_steps = int(config["pretrain"]["total_steps"])
    with world.in_turn():
        previous = None if restart else find_checkpoint(output / LAST)
        reached = None if previous is None else check_previous(previous, info)
    step = None if reached is None else reached.step
    start = {"--restart": restart, "step of the checkpoint": step}
    world.check_same(info.settings | info.corpus | start)
    if reached is not None and reached.finished:
        return Outcome("nothing to do", reached.step, total_steps)
    at: dict[str, Any] = {"info": info, "output": output, "world": world}
    try:
        trainer = build_trainer(config, train, dev, **at, should_stop=should_stop)
    except IndexingStopped:
        return Outcome("stopped", step or 0, total_steps)
    if restart:
        # Only now that the new run can start
        with world.in_turn():
            if world.local_rank == 0:
                _remove_run(output)
    progress = Progress()
    if previous is not None:
        progress = load_checkpoint(
            previous, model=trainer.model, optimizer=trainer.optimizer
        )
        logger.info("Goes on after step %d of %d", progress.step, total_steps)
    if world.is_first:
        trainer.log.cut(progress.step, epoch=progress.epoch)
    if world.size > 1:
        wrap_towers(trainer.model)
    with recording(output, world, on_gpu=config["system"]["gpu_id"] >= 0):
        progress = run_training(
            trainer, progress, should_stop=lambda: world.any(should_stop())
        )
    if progress.finished and trainer.frozen is not None and world.local_rank == 0:
        trainer.frozen.delete()
    status: Status = "stopped"
    if progress.finished:
        status = "finished" if progress.step >= total_steps else "no gain"
    return Outcome(status, progress.step, total_steps)


def build_trainer(
    config: Config,
    train: SubtokenCorpus,
    dev: SubtokenCorpus,
    *,
    info: RunInfo,
    output: Path,
    world: World = ALONE,
    should_stop: Callable[[], bool] = bool,
) -> Trainer:
    """Build model, loss and optimizer from the config.

    config (Config): The interpolated config, steps set.
    train (SubtokenCorpus): The training part.
    dev (SubtokenCorpus): The dev part.
    info (RunInfo): What the run is.
    output (Path): Folder of the run, made if missing.
    world (World): The processes.
    should_stop (Callable[[], bool]): Asked now and then in the long work.
    RETURNS (Trainer): The parts of the run, at its beginning.
    RAISES (IndexingStopped): In all processes, if one of them was told so.
    RAISES (ValueError): If a setting is not allowed, or nothing would be trained.
    """
    system, section = config["system"], config["pretrain"]
    if system["gpu_id"] >= 0:
        use_gpu(world.choose_gpu(system["gpu_id"]))
    if system["n_threads"]:
        set_num_threads(system["n_threads"])
    set_tf32(system["tf32"])
    fix_random_seed(system["seed"])
    parts = {name: section[name] for name in ("model", "loss", "optimizer")}
    resolved: dict[str, Any] = registry.resolve(parts)
    again = registry.resolve({"optimizer": section["optimizer"]})
    check_schedule(again["optimizer"], n_steps=section["total_steps"])
    plan = Plan(
        seed=system["seed"],
        batch_size=section["batch_size"],
        bucket=section["bucket"],
        total_steps=section["total_steps"],
        max_grad_norm=section["max_grad_norm"],
        log_every=section["log_every"],
        best_by=section["best_by"],
        patience=section["patience"],
        max_loss_ratio=float(section["max_loss_ratio"]),
    )
    model, optimizer = resolved["model"], resolved["optimizer"]
    if not is_trained(model):
        raise ValueError(Errors.N385)
    # Before the long work: whether its package is installed
    set_up_logger = resolve_logger(section["logger"])
    tokenizer = load_tokenizer(section["model"]["encoder"])
    if model.attrs["measure_bias"]:
        first = islice(plan_batches(train, plan, epoch=0), N_MEASURED)
        targets = [make_batch(train, sentences).targets for sentences in first]
        set_link(model, replace(get_link(model), bias=measure_log_odds(targets)))
    output.mkdir(parents=True, exist_ok=True)
    rules, frozen = prepare(
        model, train, output, settings=section, world=world, should_stop=should_stop
    )
    return Trainer(
        model=model,
        loss=resolved["loss"],
        optimizer=optimizer,
        train=train,
        dev=dev,
        plan=plan,
        info=info,
        output=output,
        saver=Saver(
            output,
            model=model,
            optimizer=optimizer,
            info=info,
            every=section["checkpoint_every"],
            minutes=float(section["checkpoint_minutes"]),
            world=world,
        ),
        decode=partial(
            tokenizer.decode,
            skip_special_tokens=True,
            # As the text was, not as it should have been
            clean_up_tokenization_spaces=False,
        ),
        set_up_logger=set_up_logger,
        step=StepSettings(n_parts=section["n_parts"], max_cells=section["max_cells"]),
        rules=rules,
        frozen=frozen,
        world=world,
    )


def get_sharing(info: RunInfo) -> str:
    """Get whose concepts a token is compared with.

    info (RunInfo): What a run is.
    RETURNS (str): "gather" or "per_rank"; one process has all.
    """
    return info.settings.get("pretrain.distributed.concepts", "gather")


def check_previous(path: Path, info: RunInfo) -> Progress:
    """Look whether a run can go on from the checkpoint that is there.

    path (Path): The checkpoint.
    info (RunInfo): What the run to start is.
    RETURNS (Progress): Where it stands.
    RAISES (ValueError): If it belongs to other settings or another corpus.
    """
    header = read_header(path)
    differences = find_differences(info.settings, header.info.settings)
    corpus = {f"corpus.{key}": value for key, value in info.corpus.items()}
    theirs = {f"corpus.{key}": value for key, value in header.info.corpus.items()}
    differences += find_differences(corpus, theirs)
    if differences:
        listed = "; ".join(differences)
        raise ValueError(Errors.N310.format(path=path, differences=listed))
    if "per_rank" in (get_sharing(info), get_sharing(header.info)):
        ours, theirs = info.n_ranks, header.info.n_ranks
        if ours != theirs:
            logger.warning(Warnings.W320.format(ours=ours, theirs=theirs))
    return header.progress


def _remove_run(output: Path) -> None:
    for name in (LAST, BEST):
        shutil.rmtree(output / name, ignore_errors=True)
    for name in (LOG, RUNS, BAD_BATCH):
        (output / name).unlink(missing_ok=True)


def _never() -> bool:
    return False
