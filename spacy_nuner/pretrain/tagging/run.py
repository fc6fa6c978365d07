"""NER-BERT's way (Liu et al., 2021), from config to encoder folder: start or go on."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.util import registry
from thinc.api import Config, fix_random_seed

from ...errors import Errors
from ...hf import load_tokenizer
from ..encoders import set_num_threads, set_tf32
from ..gpu import use_gpu
from ..lengths import check_length
from ..limits import check_schedule
from ..loop import LOG
from ..memory import explain_lack
from ..recovery import find_checkpoint
from ..saving import BEST, LAST
from ..settings import find_differences, set_steps
from .checkpoint import (
    TagProgress,
    TagRun,
    load_tag_checkpoint,
    read_tag_header,
)
from .data import TagCorpus, read_tag_corpus, split_corpus
from .loop import TagPlan, TagTrainer, run_tagging
from .model import build_tag_model
from .settings import get_decisive_settings

logger = logging.getLogger(__name__)

# Keys of the config that are fields of a plan
PLANNED = (
    "batch_size",
    "bucket",
    "total_steps",
    "max_grad_norm",
    "log_every",
    "checkpoint_every",
    "checkpoint_minutes",
    "best_by",
)


@dataclass(frozen=True)
class TagOutcome:
    """How a run ended."""

    status: str  # "finished", "stopped" or "nothing to do"
    step: int
    total_steps: int


def pretrain_tagger(
    config: Config,
    output: Path,
    *,
    restart: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> TagOutcome:
    """Train a token classifier, or go on where the last run stopped.

    config (Config): From `load_tagging_settings`.
    output (Path): Folder for `last`, `best` and `log.jsonl`.
    restart (bool): Delete what is there and start anew.
    should_stop (Callable[[], bool]): Asked after each step.
    RETURNS (TagOutcome): How it ended.
    RAISES (ValueError): If the checkpoint that is there belongs to another run.
    """
    plain = config.interpolate()
    encoder, section = plain["paths"]["encoder"], plain["pretrain"]
    tokenizer = load_tokenizer(encoder)
    length, setting = section["max_length"], "pretrain.max_length"
    check_length(length, tokenizer, encoder=encoder, setting=setting)
    corpus = read_tag_corpus(
        Path(plain["paths"]["corpus"]),
        tokenizer,
        max_length=section["max_length"],
        subtokens=section["subtokens"],
    )
    if corpus.n_cut:
        limit = section["max_length"]
        logger.info("%d sentences are cut at %d sub-tokens", corpus.n_cut, limit)
    seed = plain["system"]["seed"]
    train, dev = split_corpus(corpus, dev_share=section["dev_share"], seed=seed)
    config = set_steps(config, n_sentences=len(train))
    run = TagRun(
        settings=get_decisive_settings(config),
        corpus=describe(corpus, train, dev),
        labels=corpus.labels,
        base=encoder,
    )
    previous = None
    if not restart:
        previous = find_checkpoint(output / LAST, read=read_tag_header)
    total_steps = int(config["pretrain"]["total_steps"])
    if previous is not None and check_previous(previous, run).finished:
        return TagOutcome("nothing to do", total_steps, total_steps)
    trainer = build_trainer(config, train, dev, run=run, output=output)
    if restart:
        # Only now that the new run can start
        for name in (LAST, BEST):
            shutil.rmtree(output / name, ignore_errors=True)
        (output / LOG).unlink(missing_ok=True)
    trainer.pad_id = int(tokenizer.pad_token_id or 0)
    progress = TagProgress()
    if previous is not None:
        parts: dict[str, Any] = {"model": trainer.model, "optimizer": trainer.optimizer}
        progress = load_tag_checkpoint(previous, **parts)
        logger.info("Goes on after step %d of %d", progress.step, total_steps)
    trainer.log.cut(progress.step, epoch=progress.epoch)
    with explain_lack():
        progress = run_tagging(trainer, progress, should_stop=should_stop)
    status = "finished" if progress.finished else "stopped"
    return TagOutcome(status, progress.step, total_steps)


def build_trainer(
    config: Config, train: TagCorpus, dev: TagCorpus, *, run: TagRun, output: Path
) -> TagTrainer:
    """Build model and optimizer from the config.

    config (Config): The interpolated config, steps set.
    train (TagCorpus): The training part.
    dev (TagCorpus): The dev part.
    run (TagRun): What the run is.
    output (Path): Folder of the run, made if missing.
    RETURNS (TagTrainer): The parts of the run, at its beginning.
    """
    system, section = config["system"], config["pretrain"]
    if system["gpu_id"] >= 0:
        use_gpu(system["gpu_id"])
    if system["n_threads"]:
        set_num_threads(system["n_threads"])
    set_tf32(system["tf32"])
    fix_random_seed(system["seed"])
    model = build_tag_model(
        config["paths"]["encoder"],
        n_tags=train.n_tags,
        n_frozen_layers=section["n_frozen_layers"],
        freeze_embeddings=section["freeze_embeddings"],
        dropout=section["dropout"],
    )
    resolved: dict[str, Any] = registry.resolve({"optimizer": section["optimizer"]})
    again = registry.resolve({"optimizer": section["optimizer"]})
    check_schedule(again["optimizer"], n_steps=section["total_steps"])
    output.mkdir(parents=True, exist_ok=True)
    return TagTrainer(
        model=model,
        optimizer=resolved["optimizer"],
        train=train,
        dev=dev,
        plan=TagPlan(seed=system["seed"], **{key: section[key] for key in PLANNED}),
        run=run,
        output=output,
        pad_id=0,
    )


def describe(corpus: TagCorpus, train: TagCorpus, dev: TagCorpus) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): SHA-256 and sizes of the data."""
    return {
        "sha256": corpus.digest(),
        "n_sentences": len(train),
        "n_dev_sentences": len(dev),
        "n_labels": len(corpus.labels),
        "n_subtokens": int(train.lengths.sum()),
    }


def check_previous(path: Path, run: TagRun) -> TagProgress:
    """Look whether a run can go on from the checkpoint that is there.

    path (Path): The checkpoint.
    run (TagRun): What the run to start is.
    RETURNS (TagProgress): Where it stands.
    RAISES (ValueError): If it belongs to other settings or another corpus.
    """
    header = read_tag_header(path)
    both = [
        one.settings | {f"corpus.{key}": value for key, value in one.corpus.items()}
        for one in (run, header.run)
    ]
    if differences := find_differences(*both):
        listed = "; ".join(differences)
        raise ValueError(Errors.N310.format(path=path, differences=listed))
    return header.progress
