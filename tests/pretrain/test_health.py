import json
import math
from pathlib import Path

import pytest
import torch
from spacy.tokens import Doc

from spacy_nuner.pretrain.checkpoint import Progress, RunInfo
from spacy_nuner.pretrain.health import (
    MAX_HIGH,
    MAX_SKIPPED,
    Figures,
    count_signs,
    find_problem,
)
from spacy_nuner.pretrain.loop import Trainer, run_training
from spacy_nuner.pretrain.model import get_encoders
from spacy_nuner.pretrain.run import build_trainer, pretrain, read_corpora
from spacy_nuner.pretrain.settings import load_settings, set_steps

from .conftest import CONFIG
from .runs import read_log

PATH = Path("bad_batch.json")


def find(losses: list[float], norm: float | None = 1.0) -> tuple[int, str | None]:
    """Steps until something is wrong, and what. The lowest mean so far is 0.1."""
    progress = Progress(lowest_loss=0.1)
    for n, loss in enumerate(losses, 1):
        figures = Figures(step=n, epoch=0, rate=0.1, loss=loss, norm=norm)
        count_signs(figures, progress, max_loss_ratio=10.0)
        problem = find_problem(figures, progress, max_loss_ratio=10.0, path=PATH)
        if problem is not None:
            return n, problem
    return len(losses), None


def test_loss_that_is_not_finite() -> None:
    for loss in (math.nan, math.inf):
        n, problem = find([0.2, loss, 0.2])
        assert n == 2
        assert problem is not None and f"[N307] The loss is {loss} in step 2" in problem


def test_gradient_that_is_not_finite() -> None:
    n, problem = find([0.2], norm=math.inf)
    assert n == 1
    assert problem is not None and "[N330] The gradient's norm is inf" in problem


def test_explosion_is_a_loss_that_stays_high() -> None:
    n, problem = find([0.2, *[1.5] * 30])
    assert n == 1 + MAX_HIGH
    assert problem is not None and "[N331]" in problem and "(0.1)" in problem
    # One batch, or nine in a row, are none
    assert find([*[1.5] * (MAX_HIGH - 1), 0.9] * 5)[1] is None
    assert find([0.99] * 50)[1] is None


def test_no_explosion_without_a_window_or_a_limit() -> None:
    figures = Figures(step=1, epoch=0, rate=0.1, loss=1e9, norm=1.0)
    for progress, ratio in ((Progress(), 10.0), (Progress(lowest_loss=0.1), 0.0)):
        for _ in range(50):
            count_signs(figures, progress, max_loss_ratio=ratio)
            assert (
                find_problem(figures, progress, max_loss_ratio=ratio, path=PATH) is None
            )


def test_skipped_steps_in_a_row() -> None:
    n, problem = find([0.2] * 100, norm=None)
    assert n == MAX_SKIPPED
    assert problem is not None and "[N332] 30 steps in a row up to step 30" in problem


def test_loss_that_is_no_number(
    tmp_path: Path, overrides: dict[str, object], concept_docs: list[Doc]
) -> None:
    changes = {
        "pretrain.optimizer.learn_rate.initial_rate": 1e20,
        "pretrain.optimizer.weight_decay": 0.0,
        "pretrain.max_epochs": 5,
    }
    config = load_settings(CONFIG, overrides | changes)
    path = tmp_path / "bad_batch.json"
    with pytest.raises(ValueError, match=rf"N307.*loss is nan in step \d+.*{path}"):
        pretrain(config, tmp_path)
    record = json.loads(path.read_text(encoding="utf8"))
    assert record["loss"] == "nan"
    assert (record["seed"], record["rate"] > 0) == (0, True)
    assert record["step"] == record["epoch"] * 4 + 1 + (record["step"] - 1) % 4
    assert 0 < len(record["sentences"]) <= 6
    texts = {doc.text: doc for doc in concept_docs[:20]}
    for row in record["sentences"]:
        doc = texts[row["text"]]
        assert set(row["concepts"]) == {span.label_ for span in doc.spans["concepts"]}
        assert set(row["concepts"]) <= set(record["concepts"])
    # The same steps lead there again
    with pytest.raises(ValueError, match=f"N307.*step {record['step']} "):
        pretrain(config, tmp_path)
    with pytest.raises(ValueError, match="N307"):
        pretrain(config, tmp_path, restart=True)


@pytest.fixture
def trainer(tmp_path: Path, overrides: dict[str, object]) -> Trainer:
    config = load_settings(CONFIG, overrides)
    train, dev = read_corpora(config)
    config = set_steps(config, n_sentences=len(train))
    info = RunInfo(settings={}, corpus={}, config=dict(config))
    return build_trainer(config, train, dev, info=info, output=tmp_path)


def test_infinite_gradient_does_not_reach_the_weights(
    tmp_path: Path, trainer: Trainer
) -> None:
    """The loss is finite. Clipping by an infinite norm would make all weights nan."""
    encoder = get_encoders(trainer.model)[0]
    weight = next(p for p in encoder.parameters() if p.requires_grad)
    weight.register_hook(lambda gradient: gradient * math.inf)
    before = {name: w.clone() for name, w in encoder.state_dict().items()}
    with pytest.raises(ValueError, match=r"N330.*norm is (inf|nan) in step 1 "):
        run_training(trainer, Progress(), should_stop=lambda: False)
    record = json.loads((tmp_path / "bad_batch.json").read_text(encoding="utf8"))
    assert record["norm"] in ("inf", "nan")
    assert 0 < record["loss"] < 1
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not (tmp_path / "last").exists()


def test_explosion_ends_a_run(tmp_path: Path, overrides: dict[str, object]) -> None:
    changes = {
        "pretrain.optimizer.learn_rate.initial_rate": 10.0,
        "pretrain.max_grad_norm": 0.0,
        "pretrain.warmup_share": 0.5,
        "pretrain.max_epochs": 20,
    }
    config = load_settings(CONFIG, overrides | changes)
    with pytest.raises(ValueError, match=r"N331.*10 times its lowest mean"):
        pretrain(config, tmp_path)
    assert (tmp_path / "bad_batch.json").exists()
    losses = [record["loss"] for record in read_log(tmp_path) if "loss" in record]
    assert max(losses) > 10 * min(losses)


def test_dev_loss_that_is_no_number(tmp_path: Path, trainer: Trainer) -> None:
    """The last step of an epoch spoilt the weights: `last` stays as it was."""

    def spoil() -> bool:
        if (tmp_path / "log.jsonl").read_text("utf8").count("\n") == 2:
            encoder = get_encoders(trainer.model)[1]
            with torch.no_grad():
                next(encoder.parameters()).fill_(math.nan)
        return False

    (tmp_path / "log.jsonl").touch()
    with pytest.raises(ValueError, match=r"N333.*nan after epoch 1 \(step 4\)"):
        run_training(trainer, Progress(), should_stop=spoil)
    assert not (tmp_path / "best").exists()
    assert not (tmp_path / "last").exists()
