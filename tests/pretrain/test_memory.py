"""Memory that runs out: the batch is tried again in halves, and nothing is skipped."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn

from spacy_nuner.pretrain.batch import PretrainBatch, make_batch
from spacy_nuner.pretrain.checkpoint import Progress, RunInfo
from spacy_nuner.pretrain.loop import Trainer, plan_batches, run_training
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.memory import OutOfMemory, explain_lack, is_out_of_memory
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
)
from spacy_nuner.pretrain.run import build_trainer, read_corpora
from spacy_nuner.pretrain.settings import load_settings, set_steps
from spacy_nuner.pretrain.step import (
    StepSettings,
    forget_gradients,
    take_gradient,
)
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

from .conftest import CONFIG

SENTENCES = numpy.arange(12)
# 2 sentences of 128 sub-tokens
ROOM = 256


class Layer(nn.Module):
    """A layer on a machine with little memory: torch itself refuses to allocate.

    What a text needs beyond the room is asked of torch's allocator as 2 exabytes, so
    the error is the one of a machine that is full.
    """

    def __init__(self, layer: nn.Module, room: int) -> None:
        super().__init__()
        self.layer = layer
        self.room = room
        self.sizes: list[int] = []

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        self.sizes.append(len(hidden))
        if hidden.shape[0] * hidden.shape[1] > self.room:
            torch.empty(2**60, dtype=torch.uint8)
        return self.layer(hidden, *args, **kwargs)


class Broken(nn.Module):
    """A layer with an error of another kind."""

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return hidden @ torch.zeros(3, 3)


def limit_memory(model: ContrastiveModel, room: int) -> Layer:
    layers = get_encoders(model)[0].model.encoder.layer
    layers[1] = Layer(layers[1], room)
    return layers[1]


def collect(model: ContrastiveModel) -> dict[str, Tensor]:
    """Gradients by name; the name of a wrapped layer is that of the layer."""
    found = {
        f"{n} {name.replace('.layer.1.layer.', '.layer.1.')}": parameter.grad.clone()
        for n, encoder in enumerate(get_encoders(model))
        for name, parameter in encoder.named_parameters()
        if parameter.grad is not None
    }
    return found | {"bias": torch.tensor(numpy.asarray(model.get_grad("bias")))}


@pytest.fixture
def model(tiny_encoder: Path) -> ContrastiveModel:
    return build_contrastive_model(
        str(tiny_encoder), bias=-2.0, learn_bias=True, n_frozen_layers=1, dropout=0.0
    )


@pytest.fixture
def settings() -> StepSettings:
    return StepSettings()


def take(
    model: ContrastiveModel, corpus: SubtokenCorpus, settings: StepSettings
) -> tuple[float, PretrainBatch]:
    found, batch = take_gradient(
        model,
        lambda n_parts: make_batch(corpus, SENTENCES, n_parts=n_parts),
        InBatchBCE(),
        settings,
    )
    return found.loss, batch


def test_halves_give_the_gradient_of_the_whole(
    model: ContrastiveModel,
    subtokens: SubtokenCorpus,
    settings: StepSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    loss, _ = take(model, subtokens, settings)
    expected = collect(model)
    forget_gradients(model)
    layer = limit_memory(model, ROOM)
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        ours, batch = take(model, subtokens, settings)
    found = collect(model)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-7)
    assert ours == pytest.approx(loss, rel=1e-5)
    assert sum(len(part.texts.ids) for part in batch.parts) == len(SENTENCES)
    tries = [m for m in caplog.messages if "[W302]" in m]
    assert "again in 2 parts" in tries[0]
    assert "can't allocate memory" in tries[0]
    # It remembers: the next batch is not tried as a whole first
    before = len(layer.sizes)
    take(model, subtokens, settings)
    assert settings.n_parts == len(batch.parts) > 1
    assert max(layer.sizes[before:]) < len(SENTENCES)
    assert len([m for m in caplog.messages if "[W302]" in m]) == len(tries)


def test_not_even_one_sentence(
    model: ContrastiveModel, subtokens: SubtokenCorpus, settings: StepSettings
) -> None:
    layer = limit_memory(model, 0)
    with pytest.raises(MemoryError, match=r"N334.*one sentence at a time"):
        take(model, subtokens, settings)
    # Whole, 2, 4, 8 and 12 parts; each try ends with its first part
    assert layer.sizes == [12, 6, 3, 2, 1]
    assert all(p.grad is None for e in get_encoders(model) for p in e.parameters())


def test_concepts_that_do_not_fit(
    model: ContrastiveModel,
    subtokens: SubtokenCorpus,
    settings: StepSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Parts of the texts don't help them: they are not tried."""
    sizes = []

    def refuse(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        sizes.append(len(args[0]))
        torch.empty(2**60, dtype=torch.uint8)

    get_encoders(model)[1].model.encoder.layer[1].register_forward_pre_hook(refuse)
    with pytest.raises(MemoryError, match=r"N386.*batch_size.*max_concept_length"):
        take(model, subtokens, settings)
    assert len(sizes) == 1
    assert not [m for m in caplog.messages if "[W302]" in m]
    assert settings.n_parts == 1


def test_concepts_that_do_not_fit_on_the_way_back(
    model: ContrastiveModel, subtokens: SubtokenCorpus, settings: StepSettings
) -> None:
    weight = next(get_encoders(model)[1].model.encoder.layer[0].parameters())
    weight.register_hook(lambda grad: torch.empty(2**60, dtype=torch.uint8))
    with pytest.raises(MemoryError, match=r"N386.*concepts of a batch"):
        take(model, subtokens, settings)
    # What was added before is thrown away
    assert all(p.grad is None for e in get_encoders(model) for p in e.parameters())


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA error: out of memory")]
)
def test_what_is_left_has_a_message(error: Exception) -> None:
    message = r"N388.*(MemoryError|out of memory)"
    with pytest.raises(OutOfMemory, match=message), explain_lack():
        raise error
    with pytest.raises(OutOfMemory, match=r"^said already$"), explain_lack():
        raise OutOfMemory("said already")
    with pytest.raises(RuntimeError, match="shapes"), explain_lack():
        raise RuntimeError("shapes")


def test_other_errors_are_not_caught(
    model: ContrastiveModel, subtokens: SubtokenCorpus, settings: StepSettings
) -> None:
    layer = limit_memory(model, 10**6)
    layer.layer = Broken()
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        take(model, subtokens, settings)


@pytest.mark.parametrize(
    "error,expected",
    [
        (MemoryError(), True),
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("the memory of an elephant"), False),
    ],
)
def test_is_out_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_nothing_stays_of_an_infinite_gradient(model: ContrastiveModel) -> None:
    model.set_grad("bias", model.ops.asarray1f([numpy.inf]))
    forget_gradients(model)
    assert model.get_grad("bias") == [0.0]


@pytest.fixture
def trainers(
    tmp_path: Path, overrides: dict[str, object]
) -> Iterator[tuple[Trainer, Trainer]]:
    """A run with memory for half of its first batch, and one set to 2 parts."""
    found = []
    for n_parts in (1, 2):
        config = load_settings(CONFIG, overrides | {"pretrain.n_parts": n_parts})
        train, dev = read_corpora(config)
        config = set_steps(config, n_sentences=len(train))
        info = RunInfo(settings={}, corpus={}, config=dict(config))
        output = tmp_path / str(n_parts)
        found.append(build_trainer(config, train, dev, info=info, output=output))
    ours = found[0]
    first = plan_batches(ours.train, ours.plan, epoch=0)[0]
    half = len(first) // 2
    assert half
    limit_memory(ours.model, half * int(ours.train.ids.lengths[first].max()))
    yield found[0], found[1]


def test_a_step_tried_again_is_that_of_fewer_sentences(
    trainers: tuple[Trainer, Trainer],
) -> None:
    """Dropout is on: a failed try must not shift the random numbers of the next."""
    for trainer in trainers:
        run_training(trainer, Progress(), should_stop=lambda: True)
    ours, theirs = (get_encoders(trainer.model) for trainer in trainers)
    assert trainers[0].step.n_parts == 2
    for left, right in zip(ours, theirs, strict=True):
        for one, other in zip(left.parameters(), right.parameters(), strict=True):
            assert torch.equal(one, other)


LIMITED = """
import json, logging, resource, sys
import numpy, torch
from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.model import build_contrastive_model, get_encoders
from spacy_nuner.pretrain.step import StepSettings, forget_gradients, take_gradient
from spacy_nuner.pretrain.wordpieces import Ragged, SubtokenCorpus

logging.basicConfig()
N, LENGTH, MIB = 512, 120, 2**20
rng = numpy.random.default_rng(0)

def ragged(rows):
    starts = numpy.cumsum([0, *map(len, rows)])
    return Ragged(numpy.concatenate(rows).astype("int32"), starts)

corpus = SubtokenCorpus(
    ids=ragged(list(rng.integers(5, 60, (N, LENGTH)))),
    valid=ragged([numpy.arange(LENGTH)] * N),
    positive_tokens=ragged([numpy.array([3, 4])] * N),
    positive_concepts=ragged([numpy.array([n % 3, n % 3]) for n in range(N)]),
    concepts=["a", "b", "c"],
    concept_ids=ragged([numpy.array([7, 8])] * 3),
    pad_id=1,
    concept_pad_id=1,
    n_mentions=N,
)
model = build_contrastive_model(sys.argv[1], n_frozen_layers=0, dropout=0.0)

def take(n_parts):
    settings = StepSettings(n_parts=n_parts)
    make = lambda n: make_batch(corpus, numpy.arange(N), n_parts=n)
    found, _ = take_gradient(model, make, InBatchBCE(), settings)
    gradient = torch.cat([p.grad.flatten() for e in get_encoders(model)
                          for p in e.parameters() if p.grad is not None])
    forget_gradients(model)
    return settings.n_parts, found.loss, gradient

_, loss, expected = take(32)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100 * MIB, resource.RLIM_INFINITY))
n_parts, ours, gradient = take(1)
print(json.dumps({
    "n_parts": n_parts,
    "losses": [loss, ours],
    "difference": float((gradient - expected).abs().max() / expected.abs().max()),
}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
def test_real_lack_of_memory(tiny_encoder: Path) -> None:
    """A process that may have 100 MiB more, and a batch that takes some hundred."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIMITED, str(tiny_encoder)],
        capture_output=True,
        text=True,
        # What is freed goes back at once, as on a long run's machine it doesn't need to
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert 1 < record["n_parts"] < 512
    assert record["losses"][1] == pytest.approx(record["losses"][0], rel=1e-5)
    assert record["difference"] < 1e-5
    assert "[W302] Memory ran out" in done.stderr
