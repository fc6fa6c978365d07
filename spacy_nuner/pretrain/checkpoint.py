"""Checkpoints: all that a run needs to go on as if it had never stopped."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from thinc.api import Optimizer
from thinc.types import Floats1d, FloatsXd
from thinc.util import xp2torch
from torch import Tensor

from .model import ContrastiveModel, get_encoders, get_link, get_shims
from .safefile import (
    find_damage,
    read_json_header,
    read_tensors,
    unreadable,
    write_tensors,
)
from .scores import Scores

FILE_NAME = "checkpoint.safetensors"
# The checkpoint before
PREVIOUS = "previous.safetensors"
FORMAT = 2
TOWERS = ("text", "concept")
PROJECTION = "concept.projection."


@dataclass
class Progress:
    """Where a run is: epoch and position of the next batch, steps done."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    best_score: float | None = None
    n_without_gain: int = 0  # epochs since the best one
    window: Scores = field(default_factory=Scores)  # since the last line of the log
    lowest_loss: float | None = None  # mean of the best such window
    n_high: int = 0  # steps in a row with a loss far above it
    n_skipped: int = 0  # steps in a row without a finite gradient
    finished: bool = False


@dataclass(frozen=True)
class RunInfo:
    """What a run is: written into each of its checkpoints."""

    settings: dict[str, Any]  # all that decides the weights, keys with dots
    corpus: dict[str, Any]  # SHA-256 and size of the data
    config: dict[str, Any] = field(default_factory=dict)  # the whole config
    n_ranks: int = 1  # processes


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself, read without its weights."""

    info: RunInfo
    progress: Progress
    temperature: float
    bias: float
    n_updates: dict[str, int]


def save_checkpoint(
    folder: Path,
    *,
    model: ContrastiveModel,
    optimizer: Optimizer | None,
    progress: Progress,
    info: RunInfo,
    keep_previous: bool = False,
) -> None:
    """Write a checkpoint beside the previous one, then put it in its place.

    folder (Path): Folder of the checkpoint, made if missing.
    model (Model): The contrastive model.
    optimizer (Optimizer | None): Its moments are stored; None: weights alone.
    progress (Progress): Where the run is.
    info (RunInfo): What the run is.
    keep_previous (bool): Whether the one before stays beside it.
    RAISES (OSError): If it can't be written. The previous one is whole.
    """
    tensors, link = _get_weights(model), get_link(model)
    n_updates = {}
    if optimizer is not None:
        for key, name in _name_keys(model).items():
            if key in optimizer.mom1:
                tensors[f"mom1.{name}"] = xp2torch(optimizer.mom1[key])
                tensors[f"mom2.{name}"] = xp2torch(optimizer.mom2[key])
                n_updates[name] = optimizer.nr_update[key]
    header = {
        "format": FORMAT,
        "info": asdict(info),
        "progress": asdict(progress),
        "temperature": link.temperature,
        "bias": link.bias,
        "n_updates": n_updates,
    }
    previous = folder / PREVIOUS if keep_previous else None
    write_tensors(folder / FILE_NAME, tensors, header, previous=previous)


def read_header(path: Path) -> Header:
    """Read what a checkpoint says of itself.

    path (Path): The file, or a folder with a `checkpoint.safetensors`.
    RETURNS (Header): Run, progress, temperature and bias.
    RAISES (ValueError): If there is no checkpoint or it can't be read.
    """
    header = read_json_header(get_file(path), format=FORMAT)
    window = Scores(**header["progress"].pop("window"))
    return Header(
        info=RunInfo(**header["info"]),
        progress=Progress(**header["progress"], window=window),
        temperature=header["temperature"],
        bias=header["bias"],
        n_updates=header["n_updates"],
    )


def get_file(path: Path) -> Path:
    """Get the file of a checkpoint.

    path (Path): A file, or a folder with a `checkpoint.safetensors`.
    RETURNS (Path): The file.
    """
    return path / FILE_NAME if path.is_dir() else path


def load_checkpoint(
    path: Path, *, model: ContrastiveModel, optimizer: Optimizer
) -> Progress:
    """Put model, optimizer and schedules back.

    path (Path): The file, or its folder.
    model (Model): A model of the same settings.
    optimizer (Optimizer): A fresh optimizer of the same settings.
    RETURNS (Progress): Where to go on.
    """
    header = read_header(path)
    tensors = read_tensors(get_file(path))
    set_weights(model, tensors)
    for key, name in _name_keys(model).items():
        if name in header.n_updates:
            for kind, moments in (("mom1", optimizer.mom1), ("mom2", optimizer.mom2)):
                array: Any = tensors[f"{kind}.{name}"].numpy().copy()
                moments[key] = cast(FloatsXd, model.ops.asarray(array))
            optimizer.nr_update[key] = header.n_updates[name]
    for _ in range(header.progress.step):
        optimizer.step_schedules()
    return header.progress


def load_weights(path: Path) -> dict[str, dict[str, Tensor]]:
    """Read the weights of both encoders.

    path (Path): The file, or its folder.
    RETURNS (dict[str, dict[str, Tensor]]): "text" and "concept": name to weights, as
        the plain Hugging Face models call them. "projection", if the two differ in
        width: "weight" and "bias" of the layer behind the concept encoder.
    RAISES (ValueError): If the checkpoint is damaged.
    """
    read_header(path)
    path = get_file(path)
    if (damage := find_damage(path)) is not None:
        raise unreadable(path, damage)
    weights: dict[str, dict[str, Tensor]] = {tower: {} for tower in TOWERS}
    with safe_open(str(path), framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            tower, _, rest = name.partition(".model.")
            if tower in TOWERS:
                weights[tower][rest] = file.get_tensor(name)
            elif name.startswith(PROJECTION):
                layer = weights.setdefault("projection", {})
                layer[name.removeprefix(PROJECTION)] = file.get_tensor(name)
    return weights


def set_weights(model: ContrastiveModel, tensors: dict[str, Tensor]) -> None:
    """Put the weights of a checkpoint into a model.

    model (Model): A model of the same settings.
    tensors (dict[str, Tensor]): The checkpoint's tensors.
    """
    for tower, encoder in zip(TOWERS, get_encoders(model), strict=True):
        prefix = f"{tower}."
        state = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        encoder.load_state_dict(state)
    for name in model.param_names:
        model.set_param(name, model.ops.asarray1f([float(tensors[name][0])]))


def _get_weights(model: ContrastiveModel) -> dict[str, Tensor]:
    weights = {
        name: torch.tensor([float(cast(Floats1d, model.get_param(name))[0])])
        for name in model.param_names
    }
    for tower, encoder in zip(TOWERS, get_encoders(model), strict=True):
        for name, tensor in encoder.state_dict().items():
            weights[f"{tower}.{name}"] = tensor
    return weights


def _name_keys(model: ContrastiveModel) -> dict[tuple[int, str], str]:
    # thinc numbers its nodes anew in each process; names stay
    keys = {(model.id, name): name for name in model.param_names}
    for tower, shim in zip(TOWERS, get_shims(model), strict=True):
        for name, _ in shim.module.named_parameters():
            keys[(shim.id, name)] = f"{tower}.{name}"
    return keys
