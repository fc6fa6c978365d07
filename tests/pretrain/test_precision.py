import math
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch
from torch import Tensor

from spacy_nuner.pretrain.batch import PretrainBatch, make_batch
from spacy_nuner.pretrain.checkpoint import (
    Progress,
    RunInfo,
    load_checkpoint,
    save_checkpoint,
)
from spacy_nuner.pretrain.compiled import has_compiler
from spacy_nuner.pretrain.encoders import set_tf32
from spacy_nuner.pretrain.loop import Trainer, plan_batches, take_step
from spacy_nuner.pretrain.loss import configure_in_batch_bce
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
    get_link,
    get_shims,
)
from spacy_nuner.pretrain.optimizer import make_adamw
from spacy_nuner.pretrain.run import build_trainer, read_corpora
from spacy_nuner.pretrain.scale import GROWTH_INTERVAL, START, LossScale
from spacy_nuner.pretrain.settings import load_settings, set_steps
from spacy_nuner.pretrain.step import add_batch, unscale
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

from .conftest import CONFIG

SETTINGS = {
    "bias": -2.0,
    "learn_bias": True,
    "pooling": "mean",
    "n_frozen_layers": 1,
    "dropout": 0.0,
}


def build(path: Path, **settings: object) -> ContrastiveModel:
    return build_contrastive_model(str(path), **SETTINGS | settings)


@pytest.fixture
def batch(subtokens: SubtokenCorpus) -> PretrainBatch:
    return make_batch(subtokens, numpy.arange(8))


def take_gradients(
    model: ContrastiveModel, batch: PretrainBatch
) -> tuple[float, dict[str, Tensor]]:
    loss = add_batch(model, batch, configure_in_batch_bce()).loss
    assert unscale(model)
    return loss, {
        f"{i} {name}": parameter.grad
        for i, encoder in enumerate(get_encoders(model))
        for name, parameter in encoder.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_gradients_are_near_those_of_single_precision(
    tiny_encoder: Path, batch: PretrainBatch, precision: str
) -> None:
    loss, expected = take_gradients(build(tiny_encoder), batch)
    model = build(tiny_encoder, precision=precision)
    half_loss, gradients = take_gradients(model, batch)
    assert half_loss == pytest.approx(loss, rel=0.01)
    assert half_loss != loss
    assert gradients.keys() == expected.keys()
    joined, right = (
        torch.cat([grads[name].flatten() for name in sorted(expected)])
        for grads in (gradients, expected)
    )
    assert joined.dtype == torch.float32
    assert float((joined - right).norm() / right.norm()) < 0.05
    assert {
        p.dtype for encoder in get_encoders(model) for p in encoder.parameters()
    } == {torch.float32}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_learns_a_batch_by_heart(
    tiny_encoder: Path, batch: PretrainBatch, precision: str
) -> None:
    model = build(tiny_encoder, precision=precision)
    optimizer, loss = make_adamw(5e-3), configure_in_batch_bce()
    losses = []
    for _ in range(8):
        losses.append(add_batch(model, batch, loss).loss)
        assert unscale(model)
        model.finish_update(optimizer)
    assert losses[-1] < 0.5 * losses[0]


def test_small_gradients_need_the_scale(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    """The batch is small: this scale does here what none does to a large one."""
    name = "0 model.encoder.layer.1.attention.self.query.weight"
    right = take_gradients(build(tiny_encoder), batch)[1][name]
    errors = []
    for start in (START, 1e-4):
        model = build(tiny_encoder, precision="fp16")
        get_shims(model)[0].loss_scale.value.fill_(start)
        _, gradients = take_gradients(model, batch)
        errors.append(float((gradients[name] - right).norm() / right.norm()))
    assert errors[0] < 0.05 < 0.2 < errors[1]


@pytest.fixture
def trainer(tmp_path: Path, overrides: dict[str, object]) -> Trainer:
    changes = {"pretrain.model.precision": "fp16", "pretrain.model.learn_bias": True}
    config = load_settings(CONFIG, overrides | changes)
    train, dev = read_corpora(config)
    config = set_steps(config, n_sentences=len(train))
    info = RunInfo(settings={}, corpus={}, config=dict(config))
    return build_trainer(config, train, dev, info=info, output=tmp_path)


def copy_weights(model: ContrastiveModel) -> dict[str, Tensor]:
    weights = {"bias": torch.tensor(get_link(model).bias)}
    for i, encoder in enumerate(get_encoders(model)):
        for name, parameter in encoder.named_parameters():
            if parameter.requires_grad:
                weights[f"{i} {name}"] = parameter.detach().clone()
    return weights


@pytest.mark.parametrize("tower", [0, 1])
def test_overflow_in_one_tower_skips_the_step_of_all(
    trainer: Trainer, tower: int
) -> None:
    model, progress = trainer.model, Progress()
    batches = plan_batches(trainer.train, trainer.plan, epoch=0)
    scale = get_shims(model)[0].loss_scale
    take_step(trainer, batches[0], progress)  # of rate 0: there is a warm-up
    encoder = get_encoders(model)[tower]
    weight = next(p for p in encoder.parameters() if p.requires_grad)
    hook = weight.register_hook(lambda gradient: gradient * math.inf)
    before, rate = copy_weights(model), float(trainer.optimizer.learn_rate)
    n_updates = dict(trainer.optimizer.nr_update)
    take_step(trainer, batches[1], progress)
    for name, tensor in copy_weights(model).items():
        assert torch.equal(tensor, before[name]), name
    assert dict(trainer.optimizer.nr_update) == n_updates
    assert float(scale.value) == START / 2 and progress.n_skipped == 1
    assert float(trainer.optimizer.learn_rate) != rate
    hook.remove()
    take_step(trainer, batches[1], progress)
    after = copy_weights(model)
    assert not torch.equal(after["bias"], before["bias"])
    for i in (0, 1):
        names = [name for name in before if name.startswith(f"{i} ")]
        assert any(not torch.equal(after[name], before[name]) for name in names)
    assert float(scale.value) == START / 2 and progress.n_skipped == 0


def test_scale_is_part_of_the_checkpoint(tmp_path: Path, trainer: Trainer) -> None:
    model, optimizer, info = trainer.model, trainer.optimizer, trainer.info
    scale = get_shims(model)[0].loss_scale
    scale.unscale([torch.tensor([math.inf])])
    scale.unscale([torch.tensor([1.0])])
    path = tmp_path / "checkpoint"
    save_checkpoint(
        path, model=model, optimizer=optimizer, progress=Progress(), info=info
    )
    scale.unscale([torch.tensor([math.nan])])
    load_checkpoint(path, model=model, optimizer=optimizer)
    assert (float(scale.value), int(scale.n_good)) == (START / 2, 1)
    # Both towers have the same one
    assert get_shims(model)[1].loss_scale is scale


def test_scale_grows_when_all_is_well() -> None:
    scale, gradient = LossScale(), torch.tensor([START])
    for _ in range(GROWTH_INTERVAL):
        assert float(scale.value) == START
        assert scale.unscale([gradient.clone()])
    assert (float(scale.value), int(scale.n_good)) == (2 * START, 0)
    scale.unscale([gradient])
    assert float(gradient[0]) == 0.5


def test_unknown_precision(tiny_encoder: Path) -> None:
    with pytest.raises(ValueError, match=r"N315.*'fp8'.*fp32, bf16, fp16"):
        build(tiny_encoder, precision="fp8")


@pytest.fixture
def matmul_precision() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("tf32,expected", [(True, "high"), (False, "highest")])
def test_tf32_follows_the_config(
    tmp_path: Path,
    overrides: dict[str, object],
    subtokens: SubtokenCorpus,
    matmul_precision: None,
    tf32: bool,
    expected: str,
) -> None:
    set_tf32(not tf32)
    config = load_settings(CONFIG, overrides | {"system.tf32": tf32})
    config = set_steps(config, n_sentences=len(subtokens))
    info = RunInfo(settings={}, corpus={})
    build_trainer(config, subtokens, subtokens, info=info, output=tmp_path)
    assert torch.get_float32_matmul_precision() == expected


@pytest.mark.skipif(not has_compiler(), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # torch compiles with warnings of its own
def test_compiled_layers_give_the_same_gradients(
    tiny_encoder: Path, batch: PretrainBatch
) -> None:
    from torch._dynamo.utils import counters

    # One layer is left to compile, which takes long enough
    frozen = {"n_frozen_layers": 1, "n_frozen_concept_layers": 2}
    loss, expected = take_gradients(build(tiny_encoder, **frozen), batch)
    model = build(tiny_encoder, compiled=True, **frozen)
    counters.clear()
    compiled_loss, gradients = take_gradients(model, batch)
    assert counters["stats"]["unique_graphs"] == 1
    assert compiled_loss == pytest.approx(loss, rel=1e-5)
    assert gradients.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-6)


def test_no_compiler(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"N360.*C\+\+ compiler.*compiled = false"):
        build(tiny_encoder, compiled=True)
