"""The config of token classification: its sections, its checks, a run's identity."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt
from spacy.util import registry
from thinc.api import Config

from ...errors import Errors
from ..checking import Section, fill_checked, load_checked
from ..encoders import get_encoder_digest
from ..settings import (
    BLOCKS,
    System,
    flatten,
    is_decisive,
    set_steps,
)

BestBy = Literal["dev_f1", "dev_loss"]


class Paths(Section):
    encoder: str
    corpus: str


class Tagging(Section):
    max_epochs: PositiveInt
    max_steps: NonNegativeInt
    batch_size: PositiveInt
    bucket: PositiveInt
    max_length: PositiveInt
    dev_share: NonNegativeFloat
    max_grad_norm: NonNegativeFloat
    log_every: PositiveInt
    checkpoint_every: NonNegativeInt
    checkpoint_minutes: NonNegativeFloat
    best_by: BestBy
    subtokens: Literal["all", "first"]
    n_frozen_layers: NonNegativeInt
    freeze_embeddings: bool
    dropout: float | None = Field(ge=0, lt=1)
    warmup_share: float = Field(ge=0, le=1)
    warmup_steps: NonNegativeInt | None
    total_steps: PositiveInt | None
    optimizer: dict[str, Any]


class TaggingConfig(Section):
    paths: Paths
    system: System
    pretrain: Tagging


def load_tagging_settings(path: Path, overrides: dict[str, Any]) -> Config:
    """Load the config of a token classifier and check every key of it.

    path (Path): The config file.
    overrides (dict[str, Any]): Settings from the command line, keys with dots.
    RETURNS (Config): The config, not interpolated: the steps are not known yet.
    RAISES (ConfigValidationError): If a key is unknown, missing or of a wrong type.
    RAISES (ValueError): If the dev part's share is not between 0 and 1.
    """
    config = load_checked(path, overrides, TaggingConfig)
    if not 0 < (share := config.interpolate()["pretrain"]["dev_share"]) < 1:
        raise ValueError(Errors.N371.format(got=share))
    fill_checked(path, set_steps(config, n_sentences=1))
    return config


def get_decisive_settings(config: Config) -> dict[str, Any]:
    """Collect the settings that decide the weights.

    The base encoder counts by its content, and the corpus does elsewhere, so that a
    project can be moved.

    config (Config): The interpolated config, steps set.
    RETURNS (dict[str, Any]): Key to value.
    """
    # Arguments left to their defaults are settings too
    filled = registry.fill(config)
    flat: dict[str, Any] = {}
    for block in BLOCKS:
        flat |= flatten(filled[block], block)
    kept = {key: value for key, value in flat.items() if is_decisive(key)}
    return {"paths.encoder": get_encoder_digest(config["paths"]["encoder"]), **kept}
