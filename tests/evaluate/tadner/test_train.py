from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spacy_nuner.evaluate.tadner.adapt import adapt
from spacy_nuner.evaluate.tadner.train import Course, plan_epoch, train_on_source

COURSE = Course(
    lengths=np.array([5, 3, 9, 1, 7, 2, 8, 4, 6, 10]),
    batch_size=4,
    total_steps=9,
    learn_rate=0.05,
    seed=0,
    checkpoint_minutes=0.0,
)
X = torch.arange(20.0).reshape(10, 2) / 20


def make() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))


def train(module: nn.Module, path: Path, *, key: str = "a", stop: int = 99) -> bool:
    steps = iter(range(1, 100))

    def loss(rows: np.ndarray) -> Tensor:
        return (module(X[rows]) - 1).square().mean()

    return train_on_source(
        module,
        loss,
        COURSE,
        path=path,
        key=key,
        should_stop=lambda: next(steps) >= stop,
    )


@pytest.mark.parametrize("stop", [1, 4])
def test_goes_on_as_if_never_stopped(tmp_path: Path, stop: int) -> None:
    straight, stopped = make(), make()
    assert train(straight, tmp_path / "straight")
    assert not train(stopped, tmp_path / "stopped", stop=stop)
    again = make()
    nn.init.zeros_(again[0].weight)
    assert train(again, tmp_path / "stopped")
    for ours, theirs in zip(again.parameters(), straight.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_finished_is_loaded(tmp_path: Path) -> None:
    first, second = make(), make()
    train(first, tmp_path / "x")
    assert train(second, tmp_path / "x", stop=0)
    assert torch.equal(first[0].weight, second[0].weight)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    train(make(), tmp_path / "x")
    with pytest.raises(ValueError, match=r"\[N571\].*other settings"):
        train(make(), tmp_path / "x", key="b")


def test_damaged_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no safetensors")
    with pytest.raises(ValueError, match=r"\[N571\]"):
        train(make(), tmp_path / "x")


def test_loss_that_is_not_finite(tmp_path: Path) -> None:
    module = make()
    with pytest.raises(ValueError, match=r"\[N572\].*step 1"):
        train_on_source(
            module,
            lambda rows: module(X[rows]).mean() * float("nan"),
            COURSE,
            path=tmp_path / "x",
            key="a",
        )


def test_each_epoch_has_each_sentence_once() -> None:
    course = COURSE._replace(lengths=np.arange(99), batch_size=2)
    first, second = ([b.tolist() for b in plan_epoch(course, i)] for i in range(2))
    for batches in (first, second):
        assert sorted(i for batch in batches for i in batch) == list(range(99))
        assert sorted(len(batch) for batch in batches) == [1] + [2] * 49
    assert first != second
    assert first == [b.tolist() for b in plan_epoch(course, 0)]


def test_batches_have_sentences_of_similar_length() -> None:
    for batch in plan_epoch(COURSE, 0):
        lengths = COURSE.lengths[batch]
        assert lengths.max() - lengths.min() == len(batch) - 1


def run_adapt(values: list[float], *, patience: int, max_steps: int = 10) -> int:
    module = nn.Linear(1, 1)
    losses = iter(values)
    return adapt(
        module,
        lambda: module.weight.sum() * 0 + next(losses),
        rate=0.1,
        max_steps=max_steps,
        patience=patience,
    )


@pytest.mark.parametrize(
    "values,patience,steps",
    [
        # The step whose loss ends it is not taken
        ([3, 2, 2.5], 0, 2),
        ([3, 2, 2.5, 2.6, 2.7], 2, 4),
        ([3, 2, 2.5, 2.6, 1, 4, 4, 4], 2, 7),
        ([5, 4, 3, 2, 1, 0, -1, -2, -3, -4, -5], 0, 10),
    ],
)
def test_adaptation_ends(values: list[float], patience: int, steps: int) -> None:
    assert run_adapt(values, patience=patience) == steps


def test_dropout_is_off_after_adaptation() -> None:
    """The published code leaves it on for prototypes and predictions."""
    module = make()
    adapt(module, lambda: module(X).mean(), rate=0.1, max_steps=2, patience=0)
    assert not module[1].training
