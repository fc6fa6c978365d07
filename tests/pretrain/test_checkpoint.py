from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file
from thinc.api import Optimizer

from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.checkpoint import (
    FILE_NAME,
    Progress,
    RunInfo,
    load_checkpoint,
    load_weights,
    read_header,
    save_checkpoint,
)
from spacy_nuner.pretrain.loop import seed_step
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
    get_link,
)
from spacy_nuner.pretrain.optimizer import make_adamw
from spacy_nuner.pretrain.safefile import replace_file
from spacy_nuner.pretrain.step import add_batch
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

from ..disk import full_disk

INFO = RunInfo(settings={"a.b": 1.5, "c": None}, corpus={"sha256": "0"}, config={})
PROGRESS = Progress(step=3, epoch=1, position=2, best_score=0.25)


def build(path: Path) -> tuple[ContrastiveModel, Optimizer]:
    model = build_contrastive_model(
        str(path), bias=-2.0, learn_bias=True, n_frozen_layers=1
    )
    optimizer = make_adamw(0.01)
    return model, optimizer


def train(
    model: ContrastiveModel, optimizer: Optimizer, corpus: SubtokenCorpus, steps: range
) -> None:
    for step in steps:
        seed_step(0, step)
        batch = make_batch(corpus, numpy.arange(4) + 4 * step)
        add_batch(model, batch, InBatchBCE())
        model.finish_update(optimizer)
        optimizer.step_schedules()


@pytest.fixture
def trained(
    tiny_encoder: Path, subtokens: SubtokenCorpus
) -> tuple[ContrastiveModel, Optimizer]:
    torch.manual_seed(1)
    model, optimizer = build(tiny_encoder)
    train(model, optimizer, subtokens, range(3))
    return model, optimizer


def save(folder: Path, parts: tuple[ContrastiveModel, Optimizer]) -> None:
    model, optimizer = parts
    save_checkpoint(
        folder, model=model, optimizer=optimizer, progress=PROGRESS, info=INFO
    )


def test_goes_on_bit_for_bit(
    tmp_path: Path,
    tiny_encoder: Path,
    subtokens: SubtokenCorpus,
    trained: tuple[ContrastiveModel, Optimizer],
) -> None:
    save(tmp_path / "a", trained)
    train(*trained, subtokens, range(3, 6))  # dropout is on
    torch.manual_seed(999)
    others = build(tiny_encoder)
    assert load_checkpoint(tmp_path / "a", model=others[0], optimizer=others[1]) == (
        PROGRESS
    )
    train(*others, subtokens, range(3, 6))
    save(tmp_path / "b", trained), save(tmp_path / "c", others)
    ours, theirs = (load_file(tmp_path / name / FILE_NAME) for name in "bc")
    assert ours.keys() == theirs.keys()
    assert sum(name.startswith("mom1.") for name in ours) > 10
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
    assert trained[1].learn_rate == others[1].learn_rate


def test_header(tmp_path: Path, trained: tuple[ContrastiveModel, Optimizer]) -> None:
    save(tmp_path, trained)
    header = read_header(tmp_path)
    assert (header.info, header.progress) == (INFO, PROGRESS)
    assert header.bias == get_link(trained[0]).bias
    assert set(header.n_updates.values()) == {3}


def test_without_optimizer(
    tmp_path: Path, trained: tuple[ContrastiveModel, Optimizer]
) -> None:
    save(tmp_path / "last", trained)
    save_checkpoint(
        tmp_path / "best",
        model=trained[0],
        optimizer=None,
        progress=PROGRESS,
        info=INFO,
    )
    names = {n: set(load_file(tmp_path / n / FILE_NAME)) for n in ("last", "best")}
    assert names["best"] < names["last"]
    assert all(name.startswith("mom") for name in names["last"] - names["best"])


def test_weights_are_named_as_in_transformers(
    tmp_path: Path, trained: tuple[ContrastiveModel, Optimizer]
) -> None:
    save(tmp_path, trained)
    weights = load_weights(tmp_path)
    for tower, encoder in zip(weights, get_encoders(trained[0]), strict=True):
        assert weights[tower].keys() == encoder.model.state_dict().keys()


def test_disk_full_leaves_the_previous_one_whole(
    tmp_path: Path,
    subtokens: SubtokenCorpus,
    trained: tuple[ContrastiveModel, Optimizer],
) -> None:
    folder = tmp_path / "last"
    save(folder, trained)
    before = (folder / FILE_NAME).read_bytes()
    assert len(before) > 40_000
    train(*trained, subtokens, range(3, 4))
    with pytest.raises(OSError, match=r"N308.*last.*whole"), full_disk(20_000):
        save(folder, trained)
    assert (folder / FILE_NAME).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert read_header(folder).progress == PROGRESS


def test_folder_that_cannot_be_made(
    tmp_path: Path, trained: tuple[ContrastiveModel, Optimizer]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf8")
    with pytest.raises(OSError, match="N308"):
        save(tmp_path / "file" / "last", trained)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"N001.*checkpoint"):
        read_header(tmp_path)


def test_cut_off(tmp_path: Path, trained: tuple[ContrastiveModel, Optimizer]) -> None:
    save(tmp_path, trained)
    content = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="N309"):
        read_header(tmp_path)


@pytest.mark.parametrize("metadata", [None, {"header": '{"format": 99}'}])
def test_foreign_file(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / FILE_NAME, metadata=metadata)
    with pytest.raises(ValueError, match="N309"):
        read_header(tmp_path)


def test_replace_file_keeps_the_old_one_on_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf8")
    with pytest.raises(KeyboardInterrupt), replace_file(path) as beside:
        beside.write_text("new", encoding="utf8")
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf8") == "old"
    assert list(tmp_path.iterdir()) == [path]
