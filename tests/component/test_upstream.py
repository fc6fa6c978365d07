"""What the pipe gets from the transformer, and what it leaves of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from spacy.language import Language
from spacy.training import Example

from spacy_nuner.component.encoder.model import get_shim
from spacy_nuner.component.upstream import is_heard_later

from .conftest import TEXTS, make_examples, make_sgd, read_ents
from .test_pipe import ENTS, FROZEN

TEXT = TEXTS[0][0]
WINDOW, STRIDE = 32, 24


def test_disabled_transformer_is_an_error(trained: Language) -> None:
    with (
        trained.select_pipes(disable=["transformer"]),
        pytest.raises(ValueError, match=r"\[N413\].*transformer disabled"),
    ):
        trained(TEXT)


@pytest.mark.parametrize("keep", [False, True])
def test_output_is_dropped_when_nobody_needs_it(
    make_nlp: Callable[..., Language], keep: bool
) -> None:
    nlp = make_nlp(keep_trf_data=keep)
    nlp.initialize(lambda: make_examples(nlp))
    docs = [nlp(TEXT), *nlp.pipe([TEXT, "", TEXT])]
    assert [doc._.trf_data is not None for doc in docs] == [keep] * 4


def test_output_stays_for_a_later_pipe(make_nlp: Callable[..., Language]) -> None:
    """Two pipes on one transformer: the first leaves what the second needs."""
    nlp = make_nlp()
    nlp.add_pipe("nuner", name="second", config={"spans_key": "second"})
    nlp.initialize(lambda: make_examples(nlp))
    assert is_heard_later(nlp, nlp.get_pipe("nuner"))
    assert not is_heard_later(nlp, nlp.get_pipe("second"))
    doc = nlp(TEXT)
    assert "second" in doc.spans and doc._.trf_data is None


def test_output_stays_if_the_pipe_is_used_alone(nlp: Language) -> None:
    doc = nlp.get_pipe("transformer")(nlp.make_doc(TEXT))
    pipe = nlp.get_pipe("nuner")
    nlp.remove_pipe("nuner")
    assert is_heard_later(nlp, pipe)
    assert pipe(doc)._.trf_data is not None


def test_long_document(make_nlp: Callable[..., Language]) -> None:
    """Entities far beyond the window of the encoder (128 sub-tokens) are found."""
    nlp = make_nlp(pull=0.0, model={"window": 0})
    text = "Nothing happened there . " * 40 + TEXT
    start = len(text) - len(TEXT)
    ents = [(start + a, start + b, label) for a, b, label in TEXTS[0][1]]
    eg = Example.from_dict(nlp.make_doc(text), {"entities": ents})
    nlp.initialize(lambda: [eg])
    shim = get_shim(nlp.get_pipe("transformer").model)
    assert len(shim.tokenizer(text)["input_ids"]) > 512 and shim.max_length <= 128
    sgd = make_sgd()
    for _ in range(500):
        nlp.update([eg], sgd=sgd, **FROZEN)
    assert read_ents(nlp(text)) == ENTS


def test_every_token_has_a_vector_on_borders_of_windows(
    make_nlp: Callable[..., Language], tiny_encoder: Path
) -> None:
    """That of its first piece, merged from all windows in which the piece stands."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    nlp = make_nlp(trf={"pooling": "first", "window": WINDOW, "stride": STRIDE})
    nlp.initialize(lambda: make_examples(nlp))
    text = "Nothing happened there . " * 20
    doc = nlp.get_pipe("transformer")(nlp.make_doc(text))
    (X,) = nlp.get_pipe("nuner").features([doc])
    assert len(X) == len(doc) and np.abs(X).sum(axis=1).min() > 0

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    model = AutoModel.from_pretrained(tiny_encoder, add_pooling_layer=False).eval()
    pieces = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, n = pieces["input_ids"], len(pieces["input_ids"])
    # As few windows as will do, all of one size, spread evenly
    overlap = WINDOW - STRIDE
    n_windows = -(-(n - overlap) // STRIDE)
    size = -(-(n + (n_windows - 1) * overlap) // n_windows)
    assert n_windows > 3 and size <= WINDOW
    merged, total = np.zeros((n, 16)), np.zeros((n, 1))
    for i in range(n_windows):
        start = i * (n - size) // (n_windows - 1)
        own = tokenizer.build_inputs_with_special_tokens(ids[start : start + size])
        with torch.inference_mode():
            states = model(torch.tensor([own])).last_hidden_state[0, 1:-1].numpy()
        votes = np.minimum(np.arange(size) + 1, size - np.arange(size))[:, None]
        merged[start : start + size] += votes * states
        total[start : start + size] += votes
    ends = np.array([end for _, end in pieces["offset_mapping"]])
    first = [int(np.searchsorted(ends, token.idx, side="right")) for token in doc]
    np.testing.assert_allclose(X, (merged / total)[first], atol=1e-4)
