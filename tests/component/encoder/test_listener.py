"""One transformer, several pipes that read its output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy_transformers.data_classes import TransformerData
from thinc.types import Ragged

from spacy_nuner.component.encoder.listener import get_vectors
from spacy_nuner.component.encoder.model import make_windows

from ..conftest import TEXTS, make_examples, make_sgd, read_ents, train
from .conftest import count_passes, find_shim, read_vectors

NAMES = ["nuner", "second"]


def make_two(
    make_nlp: Callable[..., Language], steady_encoder: Path, **model: Any
) -> Language:
    """Two pipes on one transformer. The second one only knows one label."""
    nlp = make_nlp(trf={"name": str(steady_encoder)}, pull=0.0, **model)
    nlp.add_pipe("nuner", name="second", config={"spans_key": "other", "pull": 0.0})
    nlp.initialize(lambda: make_examples(nlp))
    return nlp


def collect_gradients(nlp: Language) -> dict[str, Any]:
    parameters = find_shim(nlp).encoder.named_parameters()
    return {n: p.grad.clone() for n, p in parameters if p.grad is not None}


def test_vectors_reach_the_pipe(nlp: Language) -> None:
    doc = nlp.get_pipe("transformer")(nlp.make_doc(TEXTS[0][0]))
    (X,) = nlp.get_pipe("nuner").features([doc])
    np.testing.assert_array_equal(X, read_vectors(doc))
    assert X.shape == (len(doc), 16)


def test_two_pipes_encode_once(
    make_nlp: Callable[..., Language], steady_encoder: Path
) -> None:
    nlp = make_two(make_nlp, steady_encoder)
    nlp.get_pipe("transformer").model.shims[0].cache = None
    passes = count_passes(find_shim(nlp))
    nlp(TEXTS[0][0])
    assert passes == [1]
    list(nlp.pipe([text for text, _ in TEXTS]))
    assert passes == [1, 4]
    nlp.update(make_examples(nlp), sgd=make_sgd(0.0))
    assert passes == [1, 4, 4]


def test_two_pipes_learn(
    make_nlp: Callable[..., Language], steady_encoder: Path
) -> None:
    nlp = make_two(make_nlp, steady_encoder)
    losses = train(nlp, 60)
    assert losses["nuner"] < 0.2 and losses["second"] < 0.2
    doc = nlp(TEXTS[0][0])
    assert set(doc.spans) == {"nuner", "other"}
    assert len(doc.spans["other"]) == 3


def test_frozen_and_annotating(
    make_nlp: Callable[..., Language], steady_encoder: Path
) -> None:
    nlp = make_two(make_nlp, steady_encoder)
    before = find_shim(nlp).to_bytes()
    train(nlp, 3, frozen=True)
    assert find_shim(nlp).to_bytes() == before
    # `nlp.update` lets the transformer step before the pipes behind it hand their
    # gradient back, so that it moves one step later
    train(nlp, 2, frozen=False)
    assert find_shim(nlp).to_bytes() != before


def test_frozen_but_not_annotating(nlp: Language) -> None:
    with pytest.raises(ValueError, match="E203"):
        nlp.update(make_examples(nlp), sgd=make_sgd(), exclude=["transformer"])


def test_gradients_of_all_listeners_add_up(
    make_nlp: Callable[..., Language], steady_encoder: Path
) -> None:
    nlp = make_two(make_nlp, steady_encoder)
    train(nlp, 5)  # away from zero weights, through which no gradient flows
    nlp.update(make_examples(nlp), sgd=False)  # type: ignore[arg-type]
    got = collect_gradients(nlp)
    for parameter in find_shim(nlp).encoder.parameters():
        parameter.grad = None
    # The same by hand: both heads' gradients, added, through the encoder
    examples = make_examples(nlp)
    docs = [eg.predicted for eg in examples]
    model = nlp.get_pipe("transformer").model
    X, backprop = find_shim(nlp).begin_update(make_windows(model, docs))
    lengths = np.array([len(doc) for doc in docs])
    dX = np.zeros_like(X)
    for name in NAMES:
        pipe = nlp.get_pipe(name)
        logits, backprop_head = pipe.head.begin_update(Ragged(X, lengths))
        part = backprop_head(pipe.get_loss(examples, logits)[1]).dataXd
        assert np.abs(part).max() > 1e-4
        dX += part
    backprop(dX)
    expected = collect_gradients(nlp)
    assert len(got) == len(expected) > 30
    for parameter, gradient in expected.items():
        np.testing.assert_allclose(got[parameter], gradient, atol=1e-5)


@pytest.mark.parametrize("factor", [0.0, 0.5])
def test_grad_factor(
    make_nlp: Callable[..., Language], steady_encoder: Path, factor: float
) -> None:
    """The encoder's gradient is scaled, that of the head is not."""
    found = []
    for grad_factor in (1.0, factor):
        tok2vec = {
            "@architectures": "spacy-nuner.TransformerListener.v1",
            "grad_factor": grad_factor,
        }
        nlp = make_nlp(
            trf={"name": str(steady_encoder)}, pull=0.0, model={"tok2vec": tok2vec}
        )
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        train(nlp, 5)
        nlp.update(make_examples(nlp), sgd=False)  # type: ignore[arg-type]
        head = nlp.get_pipe("nuner").head.get_ref("output")
        found.append((collect_gradients(nlp), head.get_grad("W")))
    (full, full_head), (scaled, scaled_head) = found
    np.testing.assert_allclose(scaled_head, full_head, atol=1e-6)
    for name, gradient in full.items():
        np.testing.assert_allclose(scaled[name], factor * gradient, atol=1e-6)


def test_empty_docs_in_a_batch(
    make_nlp: Callable[..., Language], steady_encoder: Path
) -> None:
    """They are there in training and in prediction, and change nothing."""
    empty = spacy.training.Example.from_dict(
        spacy.blank("en").make_doc(""), {"entities": []}
    )
    found = []
    for with_empty in (False, True):
        nlp = make_nlp(trf={"name": str(steady_encoder)}, pull=0.0)
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        train(nlp, 5)
        examples = make_examples(nlp)
        if with_empty:
            examples = [empty, *examples[:2], empty, *examples[2:], empty]
        nlp.update(examples, sgd=False)  # type: ignore[arg-type]
        found.append(collect_gradients(nlp))
    for name, gradient in found[0].items():
        np.testing.assert_allclose(found[1][name], gradient, atol=1e-6)
    docs = list(nlp.pipe(["", TEXTS[0][0], ""]))
    assert [len(doc) for doc in docs] == [0, 6, 0]
    assert read_ents(docs[0]) == read_ents(docs[2]) == []
    nlp.update([empty, empty], sgd=make_sgd())


def test_only_the_named_transformer_is_heard(
    make_nlp: Callable[..., Language],
) -> None:
    listener = {
        "@architectures": "spacy-nuner.TransformerListener.v1",
        "upstream": "elsewhere",
    }
    nlp = make_nlp(model={"tok2vec": listener})
    with pytest.raises(ValueError, match=r"\[N412\].*'nuner' listens.*transformer"):
        nlp.initialize(lambda: make_examples(nlp))


def test_a_transformer_of_spacy_transformers(tiny_encoder: Path) -> None:
    """Its sub-tokens are not tokens, so its own listener is the one to use."""
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "transformer",
        config={
            "model": {
                "@architectures": "spacy-transformers.TransformerModel.v3",
                "name": str(tiny_encoder),
                "tokenizer_config": {"use_fast": True},
            }
        },
    )
    nlp.add_pipe("nuner")
    with pytest.raises(ValueError, match=r"\[N414\].*spacy-nuner\.TransformerModel"):
        nlp.initialize(lambda: make_examples(nlp))


def test_vectors_of_another_number_of_tokens() -> None:
    data = TransformerData.zeros(3, 4)
    assert data.model_output.last_hidden_state.shape == (1, 3, 4)
    assert get_vectors(data, 3).shape == (3, 4)
    with pytest.raises(ValueError, match=r"\[N414\]"):
        get_vectors(data, 2)
    with pytest.raises(ValueError, match=r"\[N414\]"):
        get_vectors(TransformerData.empty(), 2)
