"""The config of pre-training: its sections, its checks, and a run's identity."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt
from pydantic import NonNegativeInt as Count
from spacy.util import registry
from thinc.api import Config

from .checking import Section, fill_checked, load_checked
from .encoders import get_encoder_digest
from .evaluate import BestBy
from .portion import ConceptSharing
from .wordpieces import SubtokenCorpus

# Keys that change nothing in the weights, or nothing but where things are
NOT_DECISIVE = {
    "system.gpu_id",
    "system.n_threads",
    "pretrain.log_every",
    "pretrain.checkpoint_every",
    "pretrain.checkpoint_minutes",
    "pretrain.max_loss_ratio",
    "pretrain.logger",
    "pretrain.n_parts",
    "pretrain.max_cells",
    "pretrain.cache_frozen_gib",
    "pretrain.distributed.timeout",
}
# What decides the weights of many processes, and not those of one
ONLY_OF_MANY = {"pretrain.distributed.concepts"}
BLOCKS = ("pretrain", "system")


class Paths(Section):
    encoder: str
    train: str
    dev: str


class System(Section):
    seed: Count
    gpu_id: int
    n_threads: Count
    tf32: bool


class Corpus(Section):
    train: dict[str, Any]
    dev: dict[str, Any]


class Targets(Section):
    subtokens: Literal["all", "first"]
    unmarked: Literal["keep", "mask"]
    synonyms: Literal["keep", "mask", "soften"]
    similarity: float = Field(ge=0, le=1)


class Distributed(Section):
    concepts: ConceptSharing
    timeout: PositiveInt


class Pretrain(Section):
    max_epochs: PositiveInt
    max_steps: Count
    batch_size: PositiveInt
    bucket: PositiveInt
    max_length: PositiveInt
    max_concept_length: PositiveInt
    max_grad_norm: NonNegativeFloat
    n_parts: PositiveInt
    max_cells: Count
    cache_frozen_gib: NonNegativeFloat
    log_every: PositiveInt
    checkpoint_every: Count
    checkpoint_minutes: NonNegativeFloat
    best_by: BestBy
    patience: Count
    max_loss_ratio: NonNegativeFloat
    warmup_share: float = Field(ge=0, le=1)
    warmup_steps: Count | None
    total_steps: PositiveInt | None
    targets: Targets
    distributed: Distributed
    model: dict[str, Any]
    loss: dict[str, Any]
    optimizer: dict[str, Any]
    logger: dict[str, Any] | None


class PretrainConfig(Section):
    paths: Paths
    system: System
    corpus: Corpus
    pretrain: Pretrain


def load_settings(path: Path, overrides: dict[str, Any]) -> Config:
    """Load a pre-training config and check every key of it.

    path (Path): The config file.
    overrides (dict[str, Any]): Settings from the command line, keys with dots.
    RETURNS (Config): The config, not interpolated: the steps are not known yet.
    RAISES (ConfigValidationError): If a key is unknown or missing, or its value wrong.
    """
    config = load_checked(path, overrides, PretrainConfig)
    fill_checked(path, set_steps(config, n_sentences=1))
    return config


def set_steps(config: Config, *, n_sentences: int) -> Config:
    """Work out the steps from the size of the corpus, where the config leaves it open.

    config (Config): The config, not interpolated.
    n_sentences (int): Sentences of the training part.
    RETURNS (Config): An interpolated copy.
    """
    config = config.copy()
    section = config["pretrain"]
    if section["total_steps"] is None:
        per_epoch = -(-n_sentences // section["batch_size"])
        section["total_steps"] = per_epoch * section["max_epochs"]
    if section["max_steps"]:
        section["total_steps"] = min(section["total_steps"], section["max_steps"])
    if section["warmup_steps"] is None:
        share = section["warmup_share"]
        section["warmup_steps"] = round(share * section["total_steps"])
    return config.interpolate()


def flatten(section: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Write nested settings as one level, keys with dots.

    section (dict[str, Any]): Settings.
    prefix (str): Name of the section.
    RETURNS (dict[str, Any]): Key to value.
    """
    flat: dict[str, Any] = {}
    for name, value in section.items():
        key = f"{prefix}.{name}"
        flat |= flatten(value, key) if isinstance(value, dict) else {key: value}
    return flat


def get_decisive_settings(config: Config, *, n_ranks: int = 1) -> dict[str, Any]:
    """Collect the settings that decide the weights.

    The base encoder counts by its content, so that a project can be moved.

    config (Config): The interpolated config.
    n_ranks (int): Processes of the run.
    RETURNS (dict[str, Any]): Key to value.
    """
    # Arguments left to their defaults are settings too
    filled = registry.fill(config)
    flat: dict[str, Any] = {}
    for block in BLOCKS:
        flat |= flatten(filled[block], block)
    for key in ("pretrain.model.encoder", "pretrain.model.concept_encoder"):
        if flat[key] is not None:
            flat[key] = get_encoder_digest(flat[key])
    return {
        key: value
        for key, value in flat.items()
        if is_decisive(key) and (n_ranks > 1 or key not in ONLY_OF_MANY)
    }


def is_decisive(key: str) -> bool:
    """Tell whether a setting decides the weights.

    key (str): The setting, with dots.
    RETURNS (bool): Whether neither it nor a section that it is in is known not to.
    """
    return not any(key == name or key.startswith(f"{name}.") for name in NOT_DECISIVE)


def describe_corpus(train: SubtokenCorpus, dev: SubtokenCorpus) -> dict[str, Any]:
    """Say what a run is trained on.

    train (SubtokenCorpus): The training part.
    dev (SubtokenCorpus): The dev part.
    RETURNS (dict[str, Any]): SHA-256 of both parts, sizes.
    """
    joined = hashlib.sha256(f"{train.digest()}{dev.digest()}".encode()).hexdigest()
    return {
        "sha256": joined,
        "n_sentences": len(train),
        "n_dev_sentences": len(dev),
        "n_mentions": train.n_mentions,
        "n_concepts": len(train.concepts),
        "n_subtokens": len(train.valid.data),
    }


def find_differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Compare two records key by key.

    What only many processes go by is compared if both runs have many.

    ours (dict[str, Any]): Settings of the config.
    theirs (dict[str, Any]): Settings of the checkpoint.
    RETURNS (list[str]): One sentence for each key that differs.
    """
    return [
        f"{key}: {theirs.get(key)!r} in the checkpoint, {ours.get(key)!r} now"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
        and not (key in ONLY_OF_MANY and None in (ours.get(key), theirs.get(key)))
    ]
