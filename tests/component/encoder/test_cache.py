import logging
from collections.abc import Callable

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import SGD

from spacy_nuner.component.encoder.cache import VectorCache
from spacy_nuner.component.encoder.model import keep_vectors

from ..conftest import make_examples, make_sgd, train
from .conftest import LONG, TEXT, count_passes, find_shim, read_vectors

NLP = spacy.blank("en")


def make_vectors(n: int, value: float = 1.0) -> np.ndarray:
    return np.full((n, 4), value, dtype="float32")


def test_put_and_get() -> None:
    cache = VectorCache(10_000)
    doc, vectors = NLP("Bob went to Rome"), make_vectors(4)
    assert cache.get(doc) is None
    cache.put(doc, vectors)
    # Another doc of the same text and tokens, as in each epoch
    np.testing.assert_array_equal(cache.get(NLP("Bob went to Rome")), vectors)
    assert (len(cache), cache.n_bytes) == (1, 64)


def test_other_tokens_of_the_same_text() -> None:
    cache = VectorCache(10_000)
    cache.put(NLP("new york"), make_vectors(2))
    whole = Doc(NLP.vocab, words=["new york"], spaces=[False])
    assert whole.text == "new york" and cache.get(whole) is None
    assert cache.get(Doc(NLP.vocab, words=["new", "york"], spaces=[True, True])) is None


def test_memory_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    cache = VectorCache(100)
    with caplog.at_level(logging.WARNING):
        for i, text in enumerate(["a b", "c d", "e f g", "h i", "j k"]):
            cache.put(NLP(text), make_vectors(len(text.split()), i))
    assert len(cache) == 3 and cache.n_bytes == 96
    kept = [cache.get(NLP(text)) is not None for text in ("a b", "c d", "e f g", "h i")]
    assert kept == [True, True, False, True]
    assert [r.getMessage()[:6] for r in caplog.records] == ["[W401]"]  # once


def test_new_docs_have_to_come_twice_once_it_is_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = VectorCache(10_000)
    cache.put(NLP("a b"), make_vectors(2))
    cache.settle()
    assert cache.get(NLP("a b")) is not None
    cache.put(NLP("c d"), make_vectors(2))
    assert cache.get(NLP("c d")) is None
    cache.put(NLP("c d"), make_vectors(2))
    assert cache.get(NLP("c d")) is not None and len(cache) == 2
    # What is remembered of those that came once is bounded as well
    monkeypatch.setattr("spacy_nuner.component.encoder.cache.MAX_SEEN", 3)
    for text in ("e", "f", "g", "h", "e"):
        cache.put(NLP(text), make_vectors(1))
    assert len(cache) == 2
    cache.put(NLP("e"), make_vectors(1))
    assert len(cache) == 3


def test_same_doc_twice_counts_once() -> None:
    cache = VectorCache(100)
    for _ in range(10):
        cache.put(NLP("a b"), make_vectors(2))
    assert (len(cache), cache.n_bytes) == (1, 32)


def test_entries_do_not_hold_a_batch() -> None:
    cache = VectorCache(10_000)
    batch = make_vectors(1000)
    cache.put(NLP("a b"), batch[:2])
    kept = cache.get(NLP("a b"))
    assert kept is not None and kept.base is None


def test_expire() -> None:
    cache = VectorCache(10_000)
    cache.expire(1)
    cache.put(NLP("a b"), make_vectors(2))
    cache.expire(1)
    assert len(cache) == 1
    cache.expire(2)
    assert (len(cache), cache.n_bytes, cache.get(NLP("a b"))) == (0, 0, None)


def test_hits_after_the_first_epoch(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    # Initialization has seen the examples: that was the first epoch
    passes = count_passes(find_shim(nlp))
    train(nlp, 5)
    assert passes == []
    nlp("Something else.")
    assert passes == [1]


def test_new_texts_after_training_are_not_kept(
    make_nlp: Callable[..., Language],
) -> None:
    """Those of a dev set are from the second time on, the training set's at once."""
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 2)
    cache = find_shim(nlp).cache
    assert cache is not None and len(cache) == len(make_examples(nlp))
    before = cache.n_bytes
    for _ in nlp.pipe(f"Text number {i}." for i in range(50)):
        pass
    assert cache.n_bytes == before
    passes = count_passes(find_shim(nlp))
    for _ in range(3):
        nlp("Text number 1.")
    assert passes == [1]


def test_no_cache(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    nlp.config["initialize"]["components"]["nuner"] = {"keep_vectors_mb": 0}
    nlp.initialize(lambda: make_examples(nlp))
    passes = count_passes(find_shim(nlp))
    train(nlp, 5)
    assert passes == [4] * 5  # four examples in one group, in each of five steps


def test_same_training_with_and_without(make_nlp: Callable[..., Language]) -> None:
    found = []
    for n_mib in (0, 1):
        nlp = make_nlp()
        nlp.config["initialize"]["components"]["nuner"] = {"keep_vectors_mb": n_mib}
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        train(nlp, 10)
        head = nlp.get_pipe("nuner").head.get_ref("output")
        found.append(head.get_param("W"))
    np.testing.assert_allclose(*found, atol=1e-5)


def test_a_step_of_the_encoder_empties_it(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf()
    model = nlp.get_pipe("transformer").model
    keep_vectors(model, 2**20)
    passes = count_passes(find_shim(nlp))
    before = read_vectors(nlp(TEXT))
    nlp(TEXT)
    assert passes == [1]
    output, backprop = model.begin_update([nlp.make_doc(TEXT)])
    backprop(output.unsplit_by_doc([[np.ones_like(output.doc_data[0].tensors[0])]]))
    model.finish_update(SGD(0.5, L2=0.0, grad_clip=0.0, use_averages=False))
    del passes[:]
    after = read_vectors(nlp(TEXT))
    assert passes == [1] and np.abs(after - before).max() > 1e-3


def test_other_weights_empty_it(make_trf: Callable[..., Language]) -> None:
    nlp, other = make_trf(), make_trf()
    keep_vectors(nlp.get_pipe("transformer").model, 2**20)
    before = read_vectors(nlp(TEXT))
    for parameter in find_shim(other).encoder.parameters():
        parameter.data *= 1.2
    nlp.from_bytes(other.to_bytes())
    np.testing.assert_array_equal(read_vectors(nlp(TEXT)), read_vectors(other(TEXT)))
    assert np.abs(read_vectors(nlp(TEXT)) - before).max() > 1e-3


def test_training_the_encoder_is_not_cached(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp))
    passes = count_passes(find_shim(nlp))
    for _ in range(3):
        nlp.update(make_examples(nlp), sgd=make_sgd(0.01))
    assert passes == [4] * 3


def test_some_of_a_batch_are_known(make_trf: Callable[..., Language]) -> None:
    texts = [TEXT, "", "Bob", LONG, "Bob", "Ada"]
    nlp = make_trf()
    expected = [read_vectors(doc) for doc in nlp.pipe(texts) if len(doc)]
    keep_vectors(nlp.get_pipe("transformer").model, 2**20)
    for text in ("Bob", LONG):
        nlp(text)
    passes = count_passes(find_shim(nlp))
    got = [read_vectors(doc) for doc in nlp.pipe(texts) if len(doc)]
    assert sum(passes) == 2  # windows of TEXT and "Ada"
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_keep_no_longer(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf()
    model = nlp.get_pipe("transformer").model
    keep_vectors(model, 2**20)
    assert find_shim(nlp).cache is not None
    keep_vectors(model, 0)
    assert find_shim(nlp).cache is None


def test_the_cache_is_not_saved(make_trf: Callable[..., Language]) -> None:
    nlp = make_trf()
    saved = find_shim(nlp).to_bytes()
    keep_vectors(nlp.get_pipe("transformer").model, 2**20)
    nlp(LONG)
    assert find_shim(nlp).to_bytes() == saved
