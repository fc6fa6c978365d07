from pathlib import Path

import numpy
import pytest
import torch

from spacy_nuner.hf import load_model, take_layers
from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.encoders import TextEncoder
from spacy_nuner.pretrain.frozen import FrozenStates
from spacy_nuner.pretrain.knowledge import keep_frozen
from spacy_nuner.pretrain.model import (
    ContrastiveModel,
    build_contrastive_model,
    get_encoders,
)
from spacy_nuner.pretrain.wordpieces import Ragged, SubtokenCorpus


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
    frozen = keep_frozen(model, subtokens, tmp_path, max_gib=size)
    assert frozen is not None and frozen.is_complete
    assert 0 < frozen.n_kept <= len(subtokens)
    assert (frozen.n_kept == len(subtokens)) == (share == 1.0)
    chosen = numpy.asarray([*sentences, len(subtokens) - 1])
    batch = make_batch(subtokens, chosen, frozen=frozen)
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
