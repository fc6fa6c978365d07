from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from spacy_nuner.hf import count_positions, load_model
from spacy_nuner.pretrain.corpora import read_corpora
from spacy_nuner.pretrain.lengths import check_length
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG
from .families import FAMILIES

BOUNDS = {
    "roberta": 128,
    "roberta-prefix": 128,
    "bert": 512,
    "distilbert": 512,
    "modernbert": None,
    "deberta-v3": None,
    "xlm-roberta": 128,
}


def encode(path: Path, length: int) -> torch.Size:
    ids = torch.full((1, length), 7)
    with torch.inference_mode():
        return load_model(str(path))(input_ids=ids).last_hidden_state.shape


@pytest.mark.parametrize("name", FAMILIES)
def test_positions_are_those_of_the_encoder(
    family_encoder: Callable[..., Path], name: str
) -> None:
    path = family_encoder(name)
    most = count_positions(str(path))
    assert most == BOUNDS[name]
    # DeBERTa's config says 130
    longest = 140 if most is None else most
    assert encode(path, longest)[1] == longest
    if most is not None:
        with pytest.raises((IndexError, RuntimeError)):
            encode(path, most + 1)


def test_no_random_number_is_drawn(tiny_encoder: Path) -> None:
    before = torch.get_rng_state()
    assert count_positions(str(tiny_encoder)) is not None
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("got,is_allowed", [(1, False), (2, False), (3, True)])
def test_at_least_one_sub_token_of_the_text(
    tiny_encoder: Path,
    tokenizer: PreTrainedTokenizerBase,
    got: int,
    is_allowed: bool,
) -> None:
    options = {"encoder": str(tiny_encoder), "setting": "a.b"}
    if is_allowed:
        check_length(got, tokenizer, **options)
        return
    with pytest.raises(ValueError, match=rf"N395.*a\.b is {got}.*adds 2 .*to 3 or"):
        check_length(got, tokenizer, **options)


@pytest.mark.parametrize(
    "setting,got,message",
    [
        ("max_length", 2, r"N395.*pretrain.max_length is 2.*bert-16.*3 or more"),
        ("max_length", 513, r"N396.*pretrain.max_length is 513.*bert-16.*512 or less"),
        ("max_concept_length", 2, r"N395.*pretrain.max_concept_length is 2.*roberta"),
        ("max_concept_length", 129, r"N396.*max_concept_length is 129.*128 or less"),
    ],
)
def test_both_encoders_are_looked_at(
    overrides: dict[str, object],
    family_encoder: Callable[..., Path],
    setting: str,
    got: int,
    message: str,
) -> None:
    changed = {
        "paths.encoder": str(family_encoder("bert")),
        "pretrain.model.concept_encoder": str(family_encoder("roberta")),
    }
    read_corpora(load_settings(CONFIG, overrides | changed))
    config = load_settings(CONFIG, overrides | changed | {f"pretrain.{setting}": got})
    with pytest.raises(ValueError, match=message):
        read_corpora(config)
