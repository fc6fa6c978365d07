from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from spacy.language import Language

from .conftest import TEXTS, make_examples, read_ents, train

HIDDEN = {"output_hidden_states": True}


def listener(layer: int) -> dict[str, Any]:
    return {
        "tok2vec": {
            "@architectures": "spacy-nuner.HiddenStatesListener.v1",
            "layer": layer,
            "pooling": {"@layers": "spacy-nuner.FirstPiece.v1"},
        }
    }


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -2])
def test_layer(make_nlp: Callable[..., Language], layer: int) -> None:
    nlp = make_nlp(trf=HIDDEN, model=listener(layer), pull=0.0)
    nlp.initialize(lambda: make_examples(nlp))
    doc = nlp(TEXTS[0][0])
    (X,) = nlp.get_pipe("nuner").features([doc])
    data = doc._.trf_data
    states = data.model_output.hidden_states[layer].reshape(-1, 16)
    first = data.align.dataXd[np.cumsum(data.align.lengths) - data.align.lengths]
    np.testing.assert_array_equal(X, states[first])
    train(nlp, 40)
    assert ("Paris", "CITY") in read_ents(nlp(TEXTS[0][0]))
    assert read_ents(nlp("")) == []


@pytest.mark.parametrize("layer", [-1, 2])
def test_training_through_the_last_layer(
    make_nlp: Callable[..., Language], layer: int
) -> None:
    nlp = make_nlp(trf=HIDDEN, model=listener(layer))
    nlp.initialize(lambda: make_examples(nlp))
    encoder = nlp.get_pipe("transformer").model.transformer
    before = encoder.encoder.layer[0].output.dense.weight.detach().clone()
    train(nlp, 4, frozen=False)
    assert not bool((before == encoder.encoder.layer[0].output.dense.weight).all())


@pytest.mark.parametrize("layer", [0, 1, -2])
def test_training_through_another_layer(
    make_nlp: Callable[..., Language], layer: int
) -> None:
    nlp = make_nlp(trf=HIDDEN, model=listener(layer))
    nlp.initialize(lambda: make_examples(nlp))
    with pytest.raises(ValueError, match=rf"\[N416\].*layer {layer}.*frozen_comp"):
        train(nlp, 1, frozen=False)


@pytest.mark.parametrize("layer", [3, -4])
def test_no_such_layer(make_nlp: Callable[..., Language], layer: int) -> None:
    nlp = make_nlp(trf=HIDDEN, model=listener(layer))
    with pytest.raises(ValueError, match=rf"\[N415\].*0 to 2.*layer = {layer}"):
        nlp.initialize(lambda: make_examples(nlp))


def test_no_hidden_states(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp(model=listener(1))
    with pytest.raises(ValueError, match=r"\[N414\].*output_hidden_states"):
        nlp.initialize(lambda: make_examples(nlp))
