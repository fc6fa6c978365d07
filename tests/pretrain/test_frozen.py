import errno
import logging
import os
from pathlib import Path

import numpy
import pytest
import torch
from thinc.api import Config

from spacy_nuner.hf import load_model, take_layers
from spacy_nuner.pretrain import frozen
from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.encoders import TextEncoder
from spacy_nuner.pretrain.frozen import FrozenStates
from spacy_nuner.pretrain.index import IndexingStopped
from spacy_nuner.pretrain.knowledge import keep_frozen
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
)
from spacy_nuner.pretrain.run import Outcome, pretrain
from spacy_nuner.pretrain.wordpieces import Ragged, SubtokenCorpus

from ..disk import full_disk
from .runs import TOTAL


def build(path: Path, **settings: object) -> ContrastiveModel:
    return build_contrastive_model(
        str(path), **{"n_frozen_layers": 1, "dropout": 0.0} | settings
    )


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_both_parts_are_the_whole(tiny_encoder: Path, n_frozen: int) -> None:
    encoder = TextEncoder(
        load_model(str(tiny_encoder)), n_frozen_layers=n_frozen, freeze_embeddings=True
    ).eval()
    ids, mask = torch.tensor([[5, 6, 7], [8, 9, 1]]), torch.tensor([[1] * 3, [1, 1, 0]])
    states = encoder.encode_frozen(ids, mask)
    assert not states.requires_grad
    whole, joined = encoder.encode(ids, mask), encoder.encode_rest(states, mask)
    torch.testing.assert_close(joined[mask == 1], whole[mask == 1])


def test_taking_layers_leaves_the_encoder_as_it_is(tiny_encoder: Path) -> None:
    model = load_model(str(tiny_encoder))
    names = list(model.state_dict())
    part = take_layers(model, 1, None)
    assert len(part.encoder.layer) == 1 and len(model.encoder.layer) == 2
    assert part.encoder.layer[0] is model.encoder.layer[1]
    assert list(model.state_dict()) == names


@pytest.mark.parametrize("sentences", [[3, 0, 7], [1]])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_vectors_with_and_without_kept_states(
    tmp_path: Path,
    tiny_encoder: Path,
    subtokens: SubtokenCorpus,
    sentences: list[int],
    share: float,
) -> None:
    model = build(tiny_encoder)
    size = share * 4 * 16 * len(subtokens.ids.data) / 2**30
    states = keep_frozen(model, subtokens, tmp_path, max_gib=size)
    assert states is not None and states.is_complete
    assert 0 < states.n_kept <= len(subtokens)
    assert (states.n_kept == len(subtokens)) == (share == 1.0)
    chosen = numpy.asarray([*sentences, len(subtokens) - 1])
    batch = make_batch(subtokens, chosen, frozen=states)
    (part,) = batch.parts
    assert part.known is not None and part.known.unknown.any() == (share < 1)
    kept, _ = model.predict(batch)
    plain, _ = model.predict(make_batch(subtokens, chosen))
    numpy.testing.assert_allclose(kept, plain, atol=1e-5)


def test_a_run_that_goes_on_finds_the_file(
    tmp_path: Path, tiny_encoder: Path, subtokens: SubtokenCorpus
) -> None:
    first = keep_frozen(build(tiny_encoder), subtokens, tmp_path, max_gib=1.0)
    assert first is not None
    before = first.path.stat().st_mtime_ns
    again = keep_frozen(build(tiny_encoder), subtokens, tmp_path, max_gib=1.0)
    assert again is not None and again.path == first.path
    assert again.path.stat().st_mtime_ns == before
    other = keep_frozen(
        build(tiny_encoder, n_frozen_layers=2), subtokens, tmp_path, max_gib=1.0
    )
    assert other is not None and other.path != first.path
    again.delete()
    assert not first.path.exists() and not first.is_complete


def test_a_file_that_was_not_finished_is_filled_anew(tmp_path: Path) -> None:
    ids = Ragged(numpy.arange(5), numpy.asarray([0, 2, 5]))
    states = FrozenStates(tmp_path / "a.bin", ids, width=2, max_gib=1.0)

    def fail(ids: numpy.ndarray) -> numpy.ndarray:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        states.fill(fail)
    assert not states.is_complete
    states.fill(lambda ids: numpy.stack([ids, -ids], axis=-1).astype("float32"))
    known = states.look_up(numpy.asarray([1, 0]), 3)
    assert known is not None
    assert known.states[0].tolist() == [[2, -2], [3, -3], [4, -4]]
    assert known.states[1].tolist() == [[0, 0], [1, -1], [0, 0]]


def double(ids: numpy.ndarray) -> numpy.ndarray:
    return numpy.stack([ids, -ids], axis=-1).astype("float32")


def read_all(states: FrozenStates) -> list[list[list[float]]]:
    known = states.look_up(numpy.asarray([0, 1]), 3)
    assert known is not None
    return known.states.tolist()


@pytest.fixture
def two_texts(tmp_path: Path) -> FrozenStates:
    ids = Ragged(numpy.arange(5), numpy.asarray([0, 2, 5]))
    return FrozenStates(tmp_path / "frozen" / "a.bin", ids, width=2, max_gib=1.0)


EXPECTED = [[[0, 0], [1, -1], [0, 0]], [[2, -2], [3, -3], [4, -4]]]


@pytest.mark.parametrize("can_reserve", [True, False])
def test_room_is_reserved_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    two_texts: FrozenStates,
    can_reserve: bool,
) -> None:
    if not can_reserve:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    n_calls = 0

    def encode(ids: numpy.ndarray) -> numpy.ndarray:
        nonlocal n_calls
        n_calls += 1
        return double(ids)

    with caplog.at_level(logging.WARNING), full_disk(2 * 4 * 5 - 1):
        two_texts.fill(encode)
    assert "W390" in caplog.text and str(two_texts.path) in caplog.text
    assert "File too large" in caplog.text and n_calls == 0
    assert not list(two_texts.path.parent.iterdir())
    # Nothing is known from then on: states are computed in each epoch
    assert two_texts.n_kept == 0
    assert two_texts.look_up(numpy.asarray([0, 1]), 3) is None


def test_file_systems_that_cannot_reserve(
    monkeypatch: pytest.MonkeyPatch, two_texts: FrozenStates
) -> None:
    def refuse(file: int, start: int, length: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    two_texts.fill(double)
    assert two_texts.is_complete and two_texts.path.stat().st_size == 2 * 4 * 5
    assert read_all(two_texts) == EXPECTED


def test_a_run_on_a_full_disk_goes_on_without(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    tiny_encoder: Path,
    subtokens: SubtokenCorpus,
) -> None:
    model = build(tiny_encoder)
    with (
        caplog.at_level(logging.WARNING),
        full_disk(4 * 16 * len(subtokens.ids.data) - 1),
    ):
        assert keep_frozen(model, subtokens, tmp_path, max_gib=1.0) is None
    assert "W390" in caplog.text and not list((tmp_path / "frozen").iterdir())


@pytest.mark.parametrize("n_left", [None, 0, 39])
def test_a_cut_or_deleted_file_is_made_again(
    two_texts: FrozenStates, n_left: int | None
) -> None:
    two_texts.fill(double)
    assert two_texts.is_complete
    # As older versions left a mark beside it
    two_texts.path.with_name("a.bin.done").touch()
    if n_left is None:
        two_texts.path.unlink()
    else:
        os.truncate(two_texts.path, n_left)
    again = FrozenStates(two_texts.path, two_texts.ids, width=2, max_gib=1.0)
    assert not again.is_complete
    again.fill(double)
    assert read_all(again) == EXPECTED


def test_a_file_that_may_be_larger_now(tmp_path: Path) -> None:
    ids = Ragged(numpy.arange(5), numpy.asarray([0, 2, 5]))
    sizes = (16 / 2**30, 1.0, 16 / 2**30)
    parts = [FrozenStates(tmp_path / "a.bin", ids, width=2, max_gib=n) for n in sizes]
    for part, n_kept in zip(parts, (1, 2, 1), strict=True):
        part.fill(double)
        assert part.n_kept == n_kept
        known = part.look_up(numpy.asarray([0, 1]), 3)
        assert known is not None and known.unknown.tolist() == [False, n_kept == 1]
        assert known.states[:n_kept].tolist() == EXPECTED[:n_kept]


def test_stopped_filling_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, two_texts: FrozenStates
) -> None:
    monkeypatch.setattr(frozen, "SUBTOKENS_PER_CALL", 1)
    with pytest.raises(IndexingStopped):
        two_texts.fill(double, should_stop=lambda: True)
    assert not list(two_texts.path.parent.iterdir())
    two_texts.fill(double)
    assert read_all(two_texts) == EXPECTED


def test_states_of_other_settings_are_deleted(
    tmp_path: Path, tiny_encoder: Path, subtokens: SubtokenCorpus
) -> None:
    folder = tmp_path / "frozen"
    first = keep_frozen(build(tiny_encoder), subtokens, tmp_path, max_gib=1.0)
    assert first is not None
    names = ("0123456789abcdef.bin.done", "0123456789abcdef.bin.tmp")
    foreign = {"notes.txt", "backup.bin", "0123456789abcdef.bin.bak"}
    for name in (*names, *foreign):
        (folder / name).write_text("")
    deeper = build(tiny_encoder, n_frozen_layers=2)
    options = {"max_gib": 1.0, "tidy": False}
    second = keep_frozen(deeper, subtokens, tmp_path, **options)
    assert second is not None and first.is_complete
    keep_frozen(deeper, subtokens, tmp_path, max_gib=1.0)
    left = {path.name for path in folder.iterdir()}
    assert left == foreign | {second.path.name}
    assert keep_frozen(deeper, subtokens, tmp_path, max_gib=0.0) is None
    assert {path.name for path in folder.iterdir()} == foreign


def test_ctrl_c_while_states_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Config
) -> None:
    monkeypatch.setattr(frozen, "SUBTOKENS_PER_CALL", 1)
    stopped = pretrain(config, tmp_path, should_stop=lambda: True)
    assert stopped == Outcome("stopped", 0, TOTAL)
    assert not list((tmp_path / "frozen").iterdir())
    assert pretrain(config, tmp_path) == Outcome("finished", TOTAL, TOTAL)


@pytest.mark.parametrize("settings", [{"freeze_embeddings": False}, {}])
def test_nothing_is_kept(
    tmp_path: Path,
    tiny_encoder: Path,
    subtokens: SubtokenCorpus,
    settings: dict[str, bool],
) -> None:
    model = build(tiny_encoder, **settings)
    size = 1.0 if settings else 0.0
    assert keep_frozen(model, subtokens, tmp_path, max_gib=size) is None
    assert get_encoders(model)[0].can_split == (not settings)
