"""Vectors: the pipeline's own, in the order of the sentences, computed once."""

from pathlib import Path

import numpy as np
import pytest

from spacy_nuner.evaluate.data import copy_tokens, load_dataset, make_gold
from spacy_nuner.evaluate.features import (
    batches_by_length,
    clear_features,
    feature_key,
    store_features,
)
from spacy_nuner.evaluate.frozen import layer_pipe, load_frozen, read_config

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "fewshot_frozen.cfg"
NAMES = {"nuner": "last", layer_pipe(1): "first", layer_pipe(2): "second"}


@pytest.fixture(scope="module")
def dataset(datasets_dir):
    return load_dataset(datasets_dir / "gallery")


@pytest.fixture(scope="module")
def nlp(tiny_encoder, dataset):
    return load_frozen(read_config(CONFIG, {}), tiny_encoder, dataset, layers=[1, 2])


def test_vectors_equal_the_pipelines_own(nlp, dataset, tmp_path):
    docs = [
        *dataset.test.docs[:7],
        copy_tokens(dataset.test.docs[0], nlp.vocab)[:0].as_doc(),
    ]
    gold = make_gold(docs, dataset.labels, source="test")
    seen = []
    paths = store_features(
        nlp, NAMES, gold, cache=tmp_path, encoder_sha256="x", progress=seen.append
    )
    assert sum(seen) == len(docs)
    found = {name: np.load(path) for name, path in paths.items()}
    assert found["nuner"].shape == (len(gold.types), 16)
    assert found["nuner"].dtype == np.float32
    for i, doc in enumerate(docs):
        alone = nlp.get_pipe("transformer")(copy_tokens(doc, nlp.vocab))
        for name in NAMES:
            expected = nlp.get_pipe(name).features([alone])[0]
            rows = found[name][gold.offsets[i] : gold.offsets[i + 1]]
            np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_last_layer_is_the_default_and_first_is_not(nlp, dataset, tmp_path):
    gold = make_gold(dataset.test.docs[:5], dataset.labels, source="test")
    paths = store_features(nlp, NAMES, gold, cache=tmp_path, encoder_sha256="x")
    last, first, second = (np.load(paths[name]) for name in NAMES)
    np.testing.assert_array_equal(last, second)
    assert np.abs(last - first).max() > 0.01


def test_what_is_cached_is_not_computed_again(nlp, dataset, tmp_path):
    gold = make_gold(dataset.test.docs[:5], dataset.labels, source="test")
    options = {"cache": tmp_path / "cache", "encoder_sha256": "x"}
    paths = store_features(nlp, NAMES, gold, **options)
    before = {path: path.stat().st_mtime_ns for path in paths.values()}
    seen = []
    again = store_features(nlp, NAMES, gold, **options, progress=seen.append)
    assert again == paths
    assert not seen
    assert before == {path: path.stat().st_mtime_ns for path in paths.values()}
    assert not list((tmp_path / "cache").glob("*.tmp"))
    clear_features(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_the_key_sees_encoder_layer_and_words_but_not_entities(dataset):
    gold = make_gold(dataset.test.docs[:5], dataset.labels, source="test")
    other = make_gold(dataset.test.docs[1:6], dataset.labels, source="test")
    key = feature_key("x", gold, "last")
    assert key == feature_key("x", gold._replace(types=gold.types * 0), "last")
    assert len({key, feature_key("y", gold, "last"), feature_key("x", gold, "1")}) == 3
    assert key != feature_key("x", other, "last")


def test_batches_hold_every_sentence_once(dataset):
    gold = dataset.pool
    batches = batches_by_length(gold, max_tokens=200)
    assert sorted(i for batch in batches for i in batch) == list(range(80))
    for batch in batches:
        longest = max(gold.lengths[i] for i in batch)
        assert len(batch) == 1 or longest * len(batch) <= 200
