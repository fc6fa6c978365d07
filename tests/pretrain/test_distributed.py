"""Many processes: gradients of one, checkpoints of another number, a kill.

Each test starts real processes that talk through gloo on this machine.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import load_file
from thinc.api import require_gpu
from torch import multiprocessing

from spacy_nuner.pretrain import frozen
from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.checkpoint import FILE_NAME, read_header
from spacy_nuner.pretrain.distributed import join, wrap_towers
from spacy_nuner.pretrain.index import IndexingStopped
from spacy_nuner.pretrain.knowledge import prepare
from spacy_nuner.pretrain.log import TrainLog
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_link,
    get_shims,
)
from spacy_nuner.pretrain.optimizer import clip_by_global_norm, make_adamw
from spacy_nuner.pretrain.run import check_previous, pretrain
from spacy_nuner.pretrain.settings import find_differences, load_settings
from spacy_nuner.pretrain.step import StepSettings, add_batch, take_gradient
from spacy_nuner.pretrain.targets import PAPER_RULES, TargetRules
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus
from spacy_nuner.pretrain.world import ALONE, World

from .conftest import CONFIG

# Sentences of the batches: the last one has fewer than there are processes
BATCHES = [numpy.arange(6), numpy.arange(6, 11), numpy.arange(11, 17), numpy.arange(1)]
MAX_NORM = 0.1


def find_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def as_rank(rank: int, size: int, port: int) -> dict[str, str]:
    """What torchrun tells a process."""
    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
    return {"MASTER_ADDR": "127.0.0.1"} | {k: str(v) for k, v in names.items()}


@contextmanager
def join_two(rank: int, port: int, folder: Path) -> Iterator[World]:
    torch.set_num_threads(1)
    os.environ |= as_rank(rank, 2, port)
    with join(
        concepts="gather", timeout=300, on_gpu=False, checkpoint=folder / "last"
    ) as world:
        yield world


def get_gradients(model: ContrastiveModel) -> dict[str, torch.Tensor]:
    found = {
        name: torch.tensor(float(model.get_grad(name)[0]))
        for name in model.param_names
        if model.has_grad(name)
    }
    for n, shim in enumerate(get_shims(model)):
        for name, parameter in shim.module.named_parameters():
            if parameter.grad is not None:
                found[f"{n}.{name}"] = parameter.grad.clone()
    return found


def assert_close(ours: dict[str, Any], theirs: dict[str, Any], atol: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        torch.testing.assert_close(ours[name], expected, atol=atol, rtol=1e-4)


def compare_steps(
    world: World,
    corpus: SubtokenCorpus,
    build: Callable[[], ContrastiveModel],
    *,
    n_parts: int,
    max_cells: int,
    rules: TargetRules,
) -> None:
    """Train with all processes, and beside it with one and whole batches."""
    models, optimizers = (build(), build()), (make_adamw(0.01), make_adamw(0.01))
    wrap_towers(models[0])
    norms = []
    for sentences in BATCHES:
        found = []
        for model, where in zip(models, (world, ALONE), strict=True):
            make = partial(
                make_batch, corpus, sentences, rules=rules, portion=where.portion
            )
            step, _ = take_gradient(
                model,
                lambda n, make=make: make(n_parts=n),
                InBatchBCE(),
                StepSettings(n_parts=n_parts, max_cells=max_cells),
                world=where,
            )
            found.append(step)
        assert found[0].loss == pytest.approx(found[1].loss, rel=1e-5)
        assert found[0].scores.means() == pytest.approx(
            found[1].scores.means(), rel=1e-4
        )
        assert_close(*(get_gradients(model) for model in models), atol=1e-6)
        norms.append([clip_by_global_norm(model, MAX_NORM) for model in models])
        for model, optimizer in zip(models, optimizers, strict=True):
            model.finish_update(optimizer)
    ours, theirs = numpy.asarray(norms).T
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert theirs.max() > MAX_NORM
    # Of all processes to the last bit, and of one with whole batches nearly
    sums = world.add([norm / world.size for norm in ours])
    numpy.testing.assert_array_equal(sums, ours)
    assert get_link(models[0]).bias == pytest.approx(get_link(models[1]).bias, abs=1e-5)
    weights = [
        {
            f"{n}.{name}": p
            for n, s in enumerate(get_shims(m))
            for name, p in s.module.state_dict().items()
        }
        for m in models
    ]
    assert_close(*weights, atol=1e-5)
    start = get_shims(build())[0].module.state_dict()
    moved = [float((weights[1][f"0.{n}"] - p).abs().max()) for n, p in start.items()]
    assert max(moved) > 0.01


def compare_per_rank(
    world: World, corpus: SubtokenCorpus, build: Callable[[], ContrastiveModel]
) -> None:
    """The mean of the losses of each process's own batch."""
    portion = replace(world.portion, concepts="per_rank")
    for sentences in BATCHES:
        ours, theirs = build(), build()
        wrap_towers(ours)
        batch = make_batch(corpus, sentences, portion=portion)
        found = add_batch(ours, batch, InBatchBCE(), world=world)
        losses = []
        for rank in range(min(2, len(sentences))):
            batch = make_batch(corpus, sentences[rank::2])
            n_cells = batch.targets.n_cells * min(2, len(sentences))
            batch = replace(batch, n_cells=n_cells)
            losses.append(add_batch(theirs, batch, InBatchBCE()).loss)
        assert found.loss == pytest.approx(sum(losses), rel=1e-5)
        assert_close(get_gradients(ours), get_gradients(theirs), atol=1e-6)


def compare_bf16(
    world: World, corpus: SubtokenCorpus, build: Callable[[], ContrastiveModel]
) -> None:
    """With half precision the two ways differ by rounding, and by no more."""
    for sentences in BATCHES:
        ours, theirs = build(), build()
        wrap_towers(ours)
        batch = make_batch(corpus, sentences, portion=world.portion)
        found = add_batch(ours, batch, InBatchBCE(), world=world)
        expected = add_batch(theirs, make_batch(corpus, sentences), InBatchBCE())
        assert found.loss == pytest.approx(expected.loss, rel=1e-3)
        left, right = (get_gradients(model) for model in (ours, theirs))
        assert left.keys() == right.keys()
        a, b = (torch.cat([g.flatten() for g in x.values()]) for x in (left, right))
        assert float((a - b).norm() / b.norm()) < 0.02


def run_out_of_memory(
    world: World, corpus: SubtokenCorpus, build: Callable[[], ContrastiveModel]
) -> None:
    """One process has too little memory for more than one text."""
    ours, theirs = build(), build()
    wrap_towers(ours)
    shim = get_shims(ours)[0]
    wrapped = shim.call

    def call(ids: torch.Tensor, *args: torch.Tensor) -> torch.Tensor:
        if world.rank == 1 and len(ids) > 1:
            raise MemoryError("no room")
        return wrapped(ids, *args)

    shim.replace(call, hold=shim.hold)
    settings = StepSettings()
    found, _ = take_gradient(
        ours,
        lambda n: make_batch(corpus, BATCHES[0], n_parts=n, portion=world.portion),
        InBatchBCE(),
        settings,
        world=world,
    )
    assert settings.n_parts == 3
    expected = add_batch(theirs, make_batch(corpus, BATCHES[0]), InBatchBCE())
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert_close(get_gradients(ours), get_gradients(theirs), atol=1e-6)


def run_out_of_memory_for_concepts(
    world: World, corpus: SubtokenCorpus, build: Callable[[], ContrastiveModel]
) -> None:
    """All stop at once, and no smaller parts are tried."""
    model = build()
    n_calls = []

    def call(*args: torch.Tensor) -> torch.Tensor:
        n_calls.append(1)
        raise MemoryError("no room")

    get_shims(model)[1].replace(call)
    with pytest.raises(MemoryError, match=r"N386.*max_concept_length"):
        take_gradient(
            model,
            lambda n: make_batch(corpus, BATCHES[0], n_parts=n, portion=world.portion),
            InBatchBCE(),
            StepSettings(),
            world=world,
        )
    assert len(n_calls) == 1


def check_agreement(world: World, folder: Path) -> None:
    assert world.any(world.rank == 1)
    assert not world.any(False)
    with world.in_turn(), (folder / "turns").open("a") as file:
        file.write(str(world.rank))
    world.wait()
    assert (folder / "turns").read_text() == "01"
    world.check_same({"settings": {"a": 1}})
    with pytest.raises(ValueError, match=r"N323.*n: 0 in rank 0, 1 in rank 1"):
        world.check_same({"settings": 2, "n": world.rank})


def work(
    rank: int, port: int, folder: Path, encoder: Path, corpus: Any, on_gpu: bool
) -> None:
    if on_gpu:
        # Both on one: nccl would refuse that, gloo does not
        require_gpu(0)

    def build(**settings: Any) -> ContrastiveModel:
        options = {"n_frozen_layers": 1, "learn_bias": True, "bias": -3.0}
        options |= {"learn_temperature": True, "dropout": 0.0}
        return build_contrastive_model(str(encoder), **(options | settings))

    rng = numpy.random.default_rng(0)
    vectors = rng.normal(size=(len(corpus.concepts), 3)).astype("float32")
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    soft = TargetRules(vectors=vectors, synonyms="soften", threshold=0.5)
    with join_two(rank, port, folder) as world:
        assert (world.rank, world.size, world.local_rank) == (rank, 2, rank)
        check_agreement(world, folder)
        how = {"n_parts": 1, "max_cells": 0, "rules": PAPER_RULES}
        compare_steps(world, corpus, build, **how)
        how = {"n_parts": 3, "max_cells": 50, "rules": soft}
        compare_steps(world, corpus, lambda: build(pooling="mean"), **how)
        compare_per_rank(world, corpus, build)
        compare_bf16(world, corpus, lambda: build(precision="bf16"))
        run_out_of_memory(world, corpus, build)
        run_out_of_memory_for_concepts(world, corpus, build)


def test_two_processes_give_the_gradients_of_one(
    tmp_path: Path, tiny_encoder: Path, subtokens: SubtokenCorpus
) -> None:
    args = (find_port(), tmp_path, tiny_encoder, subtokens, False)
    multiprocessing.spawn(work, args=args, nprocs=2)


def stop_one(rank: int, port: int, folder: Path, encoder: Path, corpus: Any) -> None:
    frozen.SUBTOKENS_PER_CALL = 1
    model = build_contrastive_model(str(encoder), n_frozen_layers=1)
    rules = {"subtokens": "all", "unmarked": "keep", "synonyms": "keep"}
    settings = {"cache_frozen_gib": 1.0, "targets": rules | {"similarity": 0.7}}
    with join_two(rank, port, folder) as world:
        at = {"settings": settings, "world": world}
        with pytest.raises(IndexingStopped):
            prepare(model, corpus, folder, **at, should_stop=lambda: rank == 0)
        _, states = prepare(model, corpus, folder, **at, should_stop=bool)
        assert states is not None and states.is_complete


def test_all_stop_while_frozen_states_are_made(
    tmp_path: Path, tiny_encoder: Path, subtokens: SubtokenCorpus
) -> None:
    args = (find_port(), tmp_path, tiny_encoder, subtokens)
    multiprocessing.spawn(stop_one, args=args, nprocs=2)


@pytest.mark.gpu
def test_two_processes_on_a_gpu(
    tmp_path: Path, tiny_encoder: Path, subtokens: SubtokenCorpus
) -> None:
    args = (find_port(), tmp_path, tiny_encoder, subtokens, True)
    multiprocessing.spawn(work, args=args, nprocs=2)


def test_another_number_of_processes(
    tmp_path: Path, overrides: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    config = load_settings(CONFIG, overrides)
    pretrain(config, tmp_path, should_stop=lambda: True)
    path = tmp_path / "last" / FILE_NAME
    alone = read_header(path).info
    assert "pretrain.distributed.concepts" not in alone.settings
    two = replace(alone, n_ranks=2)
    for concepts, warned in (("gather", False), ("per_rank", True)):
        settings = two.settings | {"pretrain.distributed.concepts": concepts}
        caplog.clear()
        assert check_previous(path, replace(two, settings=settings)).step == 1
        assert ("[W320] The checkpoint is of 1 processes" in caplog.text) == warned
    same = {"pretrain.distributed.concepts": "gather", "system.seed": 0}
    others = same | {"pretrain.distributed.concepts": "per_rank"}
    assert find_differences(others, {"system.seed": 0}) == []
    assert find_differences(others, same) == [
        "pretrain.distributed.concepts: 'gather' in the checkpoint, 'per_rank' now"
    ]


def start_rank(rank: int, port: int, command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env=os.environ | as_rank(rank, 2, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def assert_same_weights(left: Path, right: Path) -> None:
    ours, theirs = (load_file(path / "last" / FILE_NAME) for path in (left, right))
    assert_close(ours, theirs, atol=1e-5)


def test_killed_run_goes_on_with_any_number(
    tmp_path: Path, overrides: dict[str, object]
) -> None:
    settings = overrides | {
        "pretrain.max_epochs": 10,
        "pretrain.checkpoint_every": 3,
        "pretrain.distributed.timeout": 300,
        "pretrain.model.dropout": 0.0,
        "pretrain.optimizer.learn_rate.initial_rate": 0.001,
    }
    config, n_steps = load_settings(CONFIG, settings), 40
    straight, killed, one = (tmp_path / name for name in ("straight", "killed", "one"))
    assert pretrain(config, straight).status == "finished"
    command = ["spacy_nuner", "pretrain", str(CONFIG), "--output", str(killed)]
    command += [part for k, v in settings.items() for part in (f"--{k}", str(v))]

    port, checkpoint = find_port(), killed / "last" / FILE_NAME
    first, second = (start_rank(rank, port, command) for rank in range(2))
    while not checkpoint.exists() and first.poll() is None:
        time.sleep(0.002)
    second.kill()
    output, _ = first.communicate(timeout=300)
    second.communicate()
    reached = read_header(killed / "last").progress.step
    assert 0 < reached < n_steps
    assert first.returncode == 1
    plain = " ".join(output.split())
    assert "[N321] No answer from rank 1 of 2" in plain
    assert f"it goes on after step {reached}" in plain

    shutil.copytree(killed, one)
    assert pretrain(config, one).status == "finished"
    assert_same_weights(one, straight)

    launcher = ["torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    launcher += [str(find_port()), "-m", *command]
    done = subprocess.run(
        [sys.executable, "-m", *launcher], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Finished") == 1
    assert_same_weights(killed, straight)
    header = read_header(killed / "last")
    assert header.info.n_ranks == 2
    logs = [TrainLog(path / "log.jsonl").read() for path in (killed, straight)]
    ours, theirs = ([record["step"] for record in log] for log in logs)
    assert ours == theirs
    for left, right in zip(*logs, strict=True):
        for name in {"loss", "dev_loss", "dev_mrr"} & left.keys():
            assert left[name] == pytest.approx(right[name], rel=1e-3)
    # The frozen states were shared, and are gone
    assert not list((killed / "frozen").iterdir())
