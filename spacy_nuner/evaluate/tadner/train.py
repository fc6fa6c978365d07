"""Training on the source types: one network, resumable, reproducible step by step."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from ...errors import Errors
from ..metrics import Ints

# Takes places of sentences and gives their loss
LossT = Callable[[Ints], Tensor]
# Sentences are sorted by length within so many shuffled batches: less padding
BUCKET = 16
MOMENTS = ("exp_avg", "exp_avg_sq")


class Course(NamedTuple):
    """How long and how fast."""

    lengths: Ints  # (n_sentences,) sub-tokens
    batch_size: int
    total_steps: int
    learn_rate: float
    seed: int
    checkpoint_minutes: float  # 0: at the end alone


def train_on_source(
    module: nn.Module,
    loss: LossT,
    course: Course,
    *,
    path: Path,
    key: str,
    should_stop: Callable[[], bool] = lambda: False,
    what: str = "",
) -> bool:
    """Train a network with Adam and a rate that falls to 0, or go on, or load it.

    module (nn.Module): The network; its weights are changed.
    loss (LossT): Loss of a batch.
    course (Course): How long and how fast.
    path (Path): The checkpoint, made or read.
    key (str): Hash of all that decides the weights.
    should_stop (Callable): Asked after each step; if so, a checkpoint is written.
    what (str): Name of the network, for the progress bar.
    RETURNS (bool): Whether all steps are done.
    RAISES (ValueError): If the checkpoint belongs to other settings, or the loss is not
        finite.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=course.learn_rate)
    step = _load(path, module, optimizer, key=key) if path.is_file() else 0
    saved_at = time.monotonic()
    batches: list[Ints] = []
    epoch = -1
    bar: tqdm[Any] = tqdm(
        total=course.total_steps, initial=step, unit="step", desc=what, disable=None
    )
    with bar:
        while step < course.total_steps:
            n_epochs, place = divmod(step, -(-len(course.lengths) // course.batch_size))
            if n_epochs != epoch:
                epoch, batches = n_epochs, plan_epoch(course, n_epochs)
            # What dropout draws follows from the number of the step alone
            torch.manual_seed(course.seed * 1_000_003 + step)
            module.train()
            for group in optimizer.param_groups:
                group["lr"] = course.learn_rate * (1 - step / course.total_steps)
            optimizer.zero_grad()
            value = loss(batches[place])
            current = float(value.detach())
            if not math.isfinite(current):
                raise ValueError(Errors.N572.format(loss=current, step=step + 1))
            value.backward()
            optimizer.step()
            step += 1
            bar.set_postfix(loss=f"{current:.4g}", refresh=False)
            bar.update()
            minutes = (time.monotonic() - saved_at) / 60
            is_late = course.checkpoint_minutes and minutes >= course.checkpoint_minutes
            is_stopped = should_stop()
            if is_late or is_stopped or step == course.total_steps:
                _save(path, module, optimizer, key=key, step=step)
                saved_at = time.monotonic()
            if is_stopped:
                break
    module.eval()
    return step >= course.total_steps


def plan_epoch(course: Course, epoch: int) -> list[Ints]:
    """Divide the sentences into batches of similar length, in random order.

    The plan depends on its arguments alone, so a run that goes on finds its place.

    course (Course): The course.
    epoch (int): The epoch, from 0.
    RETURNS (list[Ints]): Places of the sentences of each batch.
    """
    rng = np.random.default_rng([course.seed, epoch])
    order, size = rng.permutation(len(course.lengths)), course.batch_size
    batches: list[Ints] = []
    for start in range(0, len(order), size * BUCKET):
        part = order[start : start + size * BUCKET]
        part = part[np.argsort(course.lengths[part], kind="stable")]
        batches += [part[at : at + size] for at in range(0, len(part), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _save(
    path: Path,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    key: str,
    step: int,
) -> None:
    tensors = {f"model.{name}": value for name, value in module.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        for name in MOMENTS:
            tensors[f"{name}.{i}"] = state[name]
    header = json.dumps({"key": key, "step": step})
    beside = path.with_name(path.name + ".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, str(beside), metadata={"header": header})
    beside.replace(path)


def _load(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, *, key: str
) -> int:
    try:
        with safe_open(str(path), framework="pt") as file:
            header = json.loads((file.metadata() or {})["header"])
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(Errors.N571.format(path=path, problem=repr(error))) from None
    if header["key"] != key:
        problem = "it was trained with other settings, data or another encoder"
        raise ValueError(Errors.N571.format(path=path, problem=problem))
    prefix = "model."
    module.load_state_dict(
        {n.removeprefix(prefix): tensors[n] for n in names if n.startswith(prefix)}
    )
    step = int(header["step"])
    state = optimizer.state_dict()
    places = [name.split(".")[1] for name in names if name.startswith(f"{MOMENTS[0]}.")]
    for i in places:
        moments = {name: tensors[f"{name}.{i}"] for name in MOMENTS}
        state["state"][int(i)] = {"step": torch.tensor(float(step)), **moments}
    optimizer.load_state_dict(state)
    return step
