"""Checkpoints of token classification: all that a run needs to go on."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from thinc.api import Optimizer
from thinc.types import FloatsXd
from thinc.util import xp2torch
from torch import Tensor

from ..checkpoint import FILE_NAME, PREVIOUS, get_file
from ..safefile import (
    find_damage,
    read_json_header,
    read_tensors,
    unreadable,
    write_tensors,
)
from .batch import TagScores
from .model import TagModel, get_shim, get_tagger

# Not a number: `export` for contrastive checkpoints says that it is none of them
FORMAT = "tagging-1"
ENCODER = "model."


@dataclass
class TagProgress:
    """Where a run is: epoch and position of the next batch, steps done."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    best_score: float | None = None
    window: TagScores = field(default_factory=TagScores)  # since the last log line
    finished: bool = False


@dataclass(frozen=True)
class TagRun:
    """What a run is: written into each of its checkpoints."""

    settings: dict[str, Any]  # all that decides the weights, keys with dots
    corpus: dict[str, Any]  # SHA-256 and size of the data
    labels: list[str]
    base: str  # folder of the base encoder, or its name on the hub


@dataclass(frozen=True)
class TagHeader:
    """What a checkpoint says of itself, read without its weights."""

    run: TagRun
    progress: TagProgress
    n_updates: dict[str, int]


def save_tag_checkpoint(
    folder: Path,
    *,
    model: TagModel,
    optimizer: Optimizer | None,
    progress: TagProgress,
    run: TagRun,
) -> None:
    """Write a checkpoint beside the previous one, then put it in its place.

    folder (Path): Folder of the checkpoint, made if missing.
    model (TagModel): The classifier.
    optimizer (Optimizer | None): Its moments are stored, and the checkpoint before is
        kept; None: weights alone.
    progress (TagProgress): Where the run is.
    run (TagRun): What the run is.
    RAISES (OSError): If it can't be written. The previous one is whole.
    """
    tagger, key = get_tagger(model), get_shim(model).id
    tensors = dict(tagger.state_dict())
    n_updates = {}
    if optimizer is not None:
        for name, _ in tagger.named_parameters():
            if (key, name) in optimizer.mom1:
                tensors[f"mom1.{name}"] = xp2torch(optimizer.mom1[key, name])
                tensors[f"mom2.{name}"] = xp2torch(optimizer.mom2[key, name])
                n_updates[name] = optimizer.nr_update[key, name]
    header = {
        "format": FORMAT,
        "run": asdict(run),
        "progress": asdict(progress),
        "n_updates": n_updates,
    }
    previous = None if optimizer is None else folder / PREVIOUS
    write_tensors(folder / FILE_NAME, tensors, header, previous=previous)


def read_tag_header(path: Path) -> TagHeader:
    """Read what a checkpoint says of itself.

    path (Path): The file, or its folder.
    RETURNS (TagHeader): Run and progress.
    RAISES (ValueError): If there is no checkpoint of a token classifier, or it can't be
        read.
    """
    header = read_json_header(get_file(path), format=FORMAT)
    window = TagScores(**header["progress"].pop("window"))
    return TagHeader(
        run=TagRun(**header["run"]),
        progress=TagProgress(**header["progress"], window=window),
        n_updates=header["n_updates"],
    )


def load_tag_checkpoint(
    path: Path, *, model: TagModel, optimizer: Optimizer
) -> TagProgress:
    """Put model, optimizer and schedules back.

    path (Path): The file.
    model (TagModel): A model of the same settings.
    optimizer (Optimizer): A fresh optimizer of the same settings.
    RETURNS (TagProgress): Where to go on.
    """
    header, tensors = read_tag_header(path), read_tensors(path)
    tagger, key = get_tagger(model), get_shim(model).id
    weights = tagger.state_dict().keys()
    tagger.load_state_dict({name: tensors[name] for name in weights})
    for name, n_updates in header.n_updates.items():
        for kind, moments in (("mom1", optimizer.mom1), ("mom2", optimizer.mom2)):
            array: Any = tensors[f"{kind}.{name}"].numpy().copy()
            moments[key, name] = cast(FloatsXd, model.ops.asarray(array))
        optimizer.nr_update[key, name] = n_updates
    for _ in range(header.progress.step):
        optimizer.step_schedules()
    return header.progress


def load_encoder_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of the encoder, without the classifier on top.

    path (Path): The file, or its folder.
    RETURNS (dict[str, Tensor]): Name to weights, as the plain Hugging Face model calls
        them.
    RAISES (ValueError): If the checkpoint is damaged.
    """
    path = get_file(path)
    if (damage := find_damage(path)) is not None:
        raise unreadable(path, damage)
    return {
        name.removeprefix(ENCODER): tensor
        for name, tensor in read_tensors(path).items()
        if name.startswith(ENCODER)
    }
