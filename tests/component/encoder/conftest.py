"""A tiny encoder without dropout, and what plain `transformers` computes with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from transformers import AutoModel, AutoTokenizer

from spacy_nuner.component.encoder.model import get_shim
from spacy_nuner.component.encoder.shim import Batch, EncoderShim, EncodeT
from spacy_nuner.component.encoder.states import JoinedStates

TEXT = "Maria Kowalska met Bob in Paris, didn't she?"
LONG = " ".join(
    f"{name} went from {place} to the coast."
    for name, place in zip(
        ("Ada", "Bob", "Cem", "Dora", "Emil", "Fay"),
        ("Rome", "Oslo", "Paris", "Lima", "Bonn", "Cork"),
        strict=True,
    )
)


@pytest.fixture(scope="session")
def steady_encoder(
    tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiny encoder without dropout: it trains on what it predicts."""
    path = tmp_path_factory.mktemp("steady") / "tiny"
    shutil.copytree(tiny_encoder, path)
    config = json.loads((path / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.fixture
def make_trf(steady_encoder: Path) -> Callable[..., Language]:
    """Make a pipeline of nothing but the transformer."""

    def make(name: Path = steady_encoder, **settings: Any) -> Language:
        nlp = spacy.blank("en")
        model = {
            "@architectures": "spacy-nuner.TransformerModel.v1",
            "name": str(name),
            "window": 100,
            "stride": 80,
            **settings,
        }
        nlp.add_pipe("transformer", config={"model": model})
        nlp.initialize()
        return nlp

    return make


class Plain(NamedTuple):
    """What `transformers` itself gives for one text."""

    model: Any
    ids: list[int]  # with special sub-tokens
    offsets: list[tuple[int, int]]
    states: list[torch.Tensor]  # per layer (n_pieces, width)


def encode_plainly(folder: Path, text: str) -> Plain:
    """Encode a text in one piece, with a graph for gradients."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModel.from_pretrained(str(folder), add_pooling_layer=False)
    found = tokenizer(text, return_offsets_mapping=True)
    ids = torch.tensor([found["input_ids"]])
    output = model(input_ids=ids, output_hidden_states=True)
    return Plain(
        model,
        found["input_ids"],
        found["offset_mapping"],
        [state[0] for state in output.hidden_states],
    )


def pool(doc: Doc, plain: Plain, states: torch.Tensor) -> torch.Tensor:
    """Mean per token over its sub-tokens, written as plainly as possible."""
    rows = []
    for token in doc:
        begin, end = token.idx, token.idx + len(token)
        own = [
            states[i]
            for i, (first, last) in enumerate(plain.offsets)
            if first < last and first < end and last > begin
        ]
        rows.append(torch.stack(own).mean(0) if own else torch.zeros(states.shape[1]))
    return torch.stack(rows)


def find_shim(nlp: Language) -> EncoderShim:
    return get_shim(nlp.get_pipe("transformer").model)


def read_vectors(doc: Doc) -> np.ndarray:
    """The vectors that a transformer has left, (n_tokens, width)."""
    return doc._.trf_data.model_output.last_hidden_state[0]


def count_passes(shim: EncoderShim) -> list[int]:
    """A list that gets the number of windows of each pass of torch from now on."""
    passes: list[int] = []
    merge = shim._merge_votes

    def count(encode: EncodeT, inputs: Batch) -> torch.Tensor:
        if isinstance(encode, JoinedStates):
            passes.extend(len(group.ids) for group in inputs.groups)
        return merge(encode, inputs)

    shim._merge_votes = count  # type: ignore[method-assign]
    return passes
