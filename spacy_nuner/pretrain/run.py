"""A pre-training run from config to checkpoint: start, go on, or say it is done."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from spacy import blank
from spacy.util import registry
from thinc.api import Config, fix_random_seed, require_gpu

from ..errors import Errors
from ..hf import load_tokenizer
from .batch import make_batch
from .checkpoint import FILE_NAME, Progress, RunInfo, load_checkpoint, read_header
from .encoders import set_num_threads
from .knowledge import keep_frozen, make_rules
from .loop import BEST, LAST, LOG, Plan, Trainer, plan_batches, run_training
from .model import get_link, measure_log_odds, set_link
from .settings import (
    describe_corpus,
    find_differences,
    get_decisive_settings,
    set_steps,
)
from .step import StepSettings
from .wordpieces import SubtokenCorpus, make_corpus

logger = logging.getLogger(__name__)

# The bias "log_odds" is measured on so many batches
N_MEASURED = 16

Status = Literal["finished", "stopped", "nothing to do"]


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
    restart (bool): Delete what is there and start anew.
    should_stop (Callable[[], bool] | None): Asked after each step.
    RETURNS (Outcome): How it ended.
    RAISES (ValueError): If the checkpoint that is there belongs to another run.
    """
    train, dev = read_corpora(config)
    config = set_steps(config, n_sentences=len(train))
    info = RunInfo(
        settings=get_decisive_settings(config),
        corpus=describe_corpus(train, dev),
        config=dict(config),
    )
    total_steps = int(config["pretrain"]["total_steps"])
    if restart:
        _remove_run(output)
    previous = check_previous(output / LAST, info)
    if previous is not None and previous.finished:
        return Outcome("nothing to do", previous.step, total_steps)
    trainer = build_trainer(config, train, dev, info=info, output=output)
    if previous is None:
        progress = Progress()
        trainer.log.cut(0)
    else:
        progress = load_checkpoint(
            output / LAST, model=trainer.model, optimizer=trainer.optimizer
        )
        trainer.log.cut(progress.step)
        logger.info("Goes on after step %d of %d", progress.step, total_steps)
    progress = run_training(trainer, progress, should_stop=should_stop or _never)
    if progress.finished and trainer.frozen is not None:
        trainer.frozen.delete()
    status: Status = "finished" if progress.finished else "stopped"
    return Outcome(status, progress.step, total_steps)


def read_corpora(config: Config) -> tuple[SubtokenCorpus, SubtokenCorpus]:
    """Read and tokenise the training and the dev part.

    config (Config): The config, not interpolated.
    RETURNS (tuple[SubtokenCorpus, SubtokenCorpus]): Train and dev.
    """
    settings = set_steps(config, n_sentences=1)
    section = settings["pretrain"]
    model = registry.fill({"model": section["model"]})["model"]
    tokenizer = load_tokenizer(model["encoder"])
    second = model["concept_encoder"]
    concept_tokenizer = tokenizer if second is None else load_tokenizer(second)
    nlp = blank("en")
    parts = []
    for name, reader in registry.resolve(settings["corpus"]).items():
        corpus = make_corpus(
            (example.reference for example in reader(nlp)),
            tokenizer,
            max_length=section["max_length"],
            max_concept_length=section["max_concept_length"],
            source=f"corpus.{name}",
            concept_tokenizer=concept_tokenizer,
            subtokens=section["targets"]["subtokens"],
        )
        parts.append((name, corpus))
    corpora = dict(parts)
    return corpora["train"], corpora["dev"]


def build_trainer(
    config: Config,
    train: SubtokenCorpus,
    dev: SubtokenCorpus,
    *,
    info: RunInfo,
    output: Path,
) -> Trainer:
    """Build model, loss and optimizer from the config.

    config (Config): The interpolated config, steps set.
    train (SubtokenCorpus): The training part.
    dev (SubtokenCorpus): The dev part.
    info (RunInfo): What the run is.
    output (Path): Folder of the run, made if missing.
    RETURNS (Trainer): The parts of the run, at its beginning.
    """
    system, section = config["system"], config["pretrain"]
    if system["gpu_id"] >= 0:
        require_gpu(system["gpu_id"])
    if system["n_threads"]:
        set_num_threads(system["n_threads"])
    fix_random_seed(system["seed"])
    parts = {name: section[name] for name in ("model", "loss", "optimizer")}
    resolved: dict[str, Any] = registry.resolve(parts)
    plan = Plan(
        seed=system["seed"],
        batch_size=section["batch_size"],
        bucket=section["bucket"],
        total_steps=section["total_steps"],
        max_grad_norm=section["max_grad_norm"],
        log_every=section["log_every"],
        checkpoint_every=section["checkpoint_every"],
    )
    model = resolved["model"]
    if model.attrs["measure_bias"]:
        first = islice(plan_batches(train, plan, epoch=0), N_MEASURED)
        targets = [make_batch(train, sentences).targets for sentences in first]
        set_link(model, replace(get_link(model), bias=measure_log_odds(targets)))
    output.mkdir(parents=True, exist_ok=True)
    return Trainer(
        model=model,
        loss=resolved["loss"],
        optimizer=resolved["optimizer"],
        train=train,
        dev=dev,
        plan=plan,
        info=info,
        output=output,
        step=StepSettings(n_parts=section["n_parts"], max_cells=section["max_cells"]),
        rules=make_rules(model, train, **section["targets"]),
        frozen=keep_frozen(
            model, train, output, max_gib=float(section["cache_frozen_gib"])
        ),
    )


def check_previous(folder: Path, info: RunInfo) -> Progress | None:
    """Look whether a run can go on from the checkpoint that is there.

    folder (Path): Folder of the checkpoint.
    info (RunInfo): What the run to start is.
    RETURNS (Progress | None): Where it stands; None: there is none.
    RAISES (ValueError): If it belongs to other settings or another corpus.
    """
    if not (folder / FILE_NAME).exists():
        return None
    header = read_header(folder)
    differences = find_differences(info.settings, header.info.settings)
    corpus = {f"corpus.{key}": value for key, value in info.corpus.items()}
    theirs = {f"corpus.{key}": value for key, value in header.info.corpus.items()}
    differences += find_differences(corpus, theirs)
    if differences:
        listed = "; ".join(differences)
        raise ValueError(Errors.N310.format(path=folder, differences=listed))
    return header.progress


def _remove_run(output: Path) -> None:
    for name in (LAST, BEST):
        shutil.rmtree(output / name, ignore_errors=True)
    (output / LOG).unlink(missing_ok=True)


def _never() -> bool:
    return False
