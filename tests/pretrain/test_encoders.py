import shutil
from pathlib import Path

import torch

from spacy_nuner.hf import load_model, load_tokenizer
from spacy_nuner.pretrain.encoders import (
    ConceptEncoder,
    TextEncoder,
    get_encoder_digest,
    is_base,
    pool,
    set_num_threads,
)


def test_text_encoder_keeps_the_chosen_rows(tiny_encoder: Path) -> None:
    encoder = TextEncoder(
        load_model(str(tiny_encoder)), n_frozen_layers=0, freeze_embeddings=False
    ).eval()
    ids = torch.tensor([[5, 6, 7], [8, 9, 1]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    hidden = encoder.encode(ids, mask)
    vectors = encoder(ids, mask, torch.tensor([1, 4]))
    assert torch.equal(vectors, torch.stack([hidden[0, 1], hidden[1, 1]]))


def test_concept_encoder_does_not_depend_on_grouping(tiny_encoder: Path) -> None:
    encoder = ConceptEncoder(
        load_model(str(tiny_encoder)),
        pooling="mean",
        n_frozen_layers=0,
        freeze_embeddings=False,
    ).eval()
    long, short = torch.tensor([[5, 6, 7]]), torch.tensor([[8, 9]])
    grouped = encoder(
        [short, long],
        [torch.ones_like(short), torch.ones_like(long)],
        torch.tensor([1, 0]),
    )
    padded = encoder(
        [torch.tensor([[5, 6, 7], [8, 9, 1]])],
        [torch.tensor([[1, 1, 1], [1, 1, 0]])],
        torch.tensor([0, 1]),
    )
    torch.testing.assert_close(grouped, padded)


def test_pooling() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(hidden, mask, "cls").tolist() == [[1.0, 2.0]]
    assert pool(hidden, mask, "mean").tolist() == [[2.0, 3.0]]


def test_digest_is_of_the_content(tiny_encoder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(tiny_encoder, copied)
    assert get_encoder_digest(str(copied)) == get_encoder_digest(str(tiny_encoder))
    (copied / "config.json").write_text("{}", encoding="utf8")
    assert get_encoder_digest(str(copied)) != get_encoder_digest(str(tiny_encoder))
    assert get_encoder_digest("roberta-base") == "roberta-base"


def test_digest_follows_the_tokenizer(tiny_encoder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(tiny_encoder, copied)
    digest = get_encoder_digest(str(copied))
    older = get_encoder_digest(str(copied), with_tokenizer=False)
    assert is_base(str(copied), digest) and is_base(str(copied), older)
    tokenizer = load_tokenizer(str(copied))
    tokenizer.add_tokens(["Santorini"])
    tokenizer.save_pretrained(copied)
    assert get_encoder_digest(str(copied)) != digest
    assert not is_base(str(copied), digest) and is_base(str(copied), older)


def test_set_num_threads() -> None:
    before = torch.get_num_threads()
    set_num_threads(1)
    assert torch.get_num_threads() == 1
    set_num_threads(before)
