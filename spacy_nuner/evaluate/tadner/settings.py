"""The config of TadNER: its sections and its checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from thinc.api import ConfigValidationError

from ..frozen import read_config
from .words import Tags

Layers = Literal["last", "mean4"]
Pooling = Literal["cls", "mean"]
Filter = Literal["min", "mean", "off"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class System(Section):
    seed: NonNegativeInt
    gpu_id: int
    n_threads: NonNegativeInt


class Source(Section):
    """How both networks are trained on the source types."""

    batch_size: PositiveInt
    max_epochs: PositiveInt
    max_steps: NonNegativeInt
    learn_rate: PositiveFloat
    checkpoint_minutes: NonNegativeFloat


class Support(Section):
    """How both networks are adapted to the support set of an episode."""

    max_steps: NonNegativeInt
    detector_rate: PositiveFloat
    classifier_rate: PositiveFloat
    patience: NonNegativeInt
    patience_from_5: NonNegativeInt


class Network(Section):
    tags: Tags
    layers: Layers
    pooling: Pooling
    max_length: PositiveInt
    dropout: NonNegativeFloat
    temperature: PositiveFloat
    n_frozen_layers: NonNegativeInt
    freeze_embeddings: bool
    filter: Filter
    source: Source
    support: Support


class TadnerConfig(Section):
    system: System
    tadner: Network


def load_tadner_settings(path: Path, overrides: Mapping[str, Any]) -> TadnerConfig:
    """Load a config of TadNER and check every key of it.

    path (Path): The config file.
    overrides (Mapping[str, Any]): Settings from the command line, keys with dots.
    RETURNS (TadnerConfig): The settings.
    RAISES (ConfigValidationError): If a key is unknown, missing or of a wrong type.
    """
    config = read_config(path, overrides).interpolate()
    try:
        return TadnerConfig.model_validate(dict(config))
    except ValidationError as error:
        raise ConfigValidationError(
            config=config, errors=error.errors(), title=f"Config error in {path}"
        ) from None
