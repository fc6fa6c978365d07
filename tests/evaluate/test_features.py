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
from spacy_nuner.evaluate.frozen import load_frozen, read_config
from spacy_nuner.evaluate.layers import layer_columns

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "fewshot_frozen.cfg"


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
    options = {"cache": tmp_path, "encoder_sha256": "x", "layer": "both"}
    found = np.load(store_features(nlp, gold, **options, progress=seen.append))
    assert sum(seen) == len(docs)
    assert found.shape == (len(gold.types), 32)
    assert found.dtype == np.float32
    for i, doc in enumerate(docs):
        alone = nlp.get_pipe("transformer")(copy_tokens(doc, nlp.vocab))
        expected = nlp.get_pipe("nuner").features([alone])[0]
        rows = found[gold.offsets[i] : gold.offsets[i + 1]]
        if len(doc):
            np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_layers_stand_side_by_side(nlp, tiny_encoder, dataset, tmp_path):
    gold = make_gold(dataset.test.docs[:5], dataset.labels, source="test")
    options = {"cache": tmp_path, "encoder_sha256": "x"}
    path = store_features(nlp, gold, layer="both", **options)
    last_only = load_frozen(read_config(CONFIG, {}), tiny_encoder, dataset, layers=[2])
    last = np.load(store_features(last_only, gold, layer="last", **options))
    both = np.load(path)
    first, second = (both[:, slice(*layer_columns(path, n, 2))] for n in (1, 2))
    np.testing.assert_allclose(last, second, atol=1e-6)
    assert np.abs(last - first).max() > 0.01


def test_what_is_cached_is_not_computed_again(nlp, dataset, tmp_path):
    gold = make_gold(dataset.test.docs[:5], dataset.labels, source="test")
    options = {"cache": tmp_path / "cache", "encoder_sha256": "x", "layer": "both"}
    path = store_features(nlp, gold, **options)
    before = path.stat().st_mtime_ns
    seen = []
    assert store_features(nlp, gold, **options, progress=seen.append) == path
    assert not seen
    assert before == path.stat().st_mtime_ns
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
