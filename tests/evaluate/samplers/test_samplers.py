"""Bounds that are always kept, draws that always end, sets within sets."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import make_gold
from spacy_nuner.evaluate.samplers.episodes import sample_episode
from spacy_nuner.evaluate.samplers.nested import explain, sample_nested
from spacy_nuner.evaluate.samplers.words import count_words, prune, sample_words
from spacy_nuner.evaluate.sampling import check_sample, sample, unreachable_types

pools = st.tuples(st.integers(1, 25), st.integers(1, 4)).flatmap(
    lambda shape: arrays(
        "int64", shape, elements=st.sampled_from([0, 0, 0, 1, 1, 2, 5])
    )
)
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def names(counts):
    return [f"T{i}" for i in range(counts.shape[1])]


@quick
@given(pools, st.integers(1, 4), st.integers(0, 3))
def test_k2k_ends_within_its_bounds(counts, k, seed):
    draw = sample(counts, k, seed=seed)
    if draw is None:
        return
    check_sample(counts, draw.indices, k, labels=names(counts))
    assert draw == sample(counts, k, seed=seed)
    assert not unreachable_types(counts, k)


@quick
@given(pools, st.integers(1, 3), st.integers(0, 3))
def test_a_set_around_others_has_them_first(counts, k, seed):
    inner = sample(counts, k, seed=seed)
    if inner is None:
        return
    outer = sample(counts, k + 1, seed=seed, base=inner.indices)
    if outer is not None:
        assert outer.indices[: len(inner.indices)] == inner.indices
        check_sample(counts, outer.indices, k + 1, labels=names(counts))


@quick
@given(pools, st.integers(0, 3))
def test_nested_sets_are_nested_and_keep_their_bounds(counts, seed):
    ks = [1, 2, 4]
    chain = sample_nested(counts, ks, seed=seed)
    assert chain == sample_nested(counts, ks, seed=seed)
    assert list(chain.draws) == sorted(chain.draws)
    before: list[int] = []
    for k, draw in chain.draws.items():
        check_sample(counts, draw.indices, k, labels=names(counts))
        assert draw.indices[: len(before)] == before
        before = draw.indices
    for k in ks:
        possible = not unreachable_types(counts, k)
        assert (k in chain.draws or k in chain.failed) == possible


def test_a_chain_that_does_not_grow_is_begun_from_its_largest_set(monkeypatch):
    from spacy_nuner.evaluate.samplers import nested

    counts = np.random.default_rng(0).integers(0, 2, size=(60, 3))
    monkeypatch.setattr(nested, "_grow", lambda counts, ks, name: {})
    chain = sample_nested(counts, [1, 2, 4, 8], seed=0)
    assert list(chain.draws) == [1, 2, 4, 8]
    small, large = chain.draws[1].indices, chain.draws[8].indices
    assert large[: len(small)] == small


def test_a_k_that_does_not_fit_is_left_out():
    # At k = 2 both sentences with B or C are needed, which is four times A: just 2k.
    # At k = 1 either is too many.
    counts = np.array([[2, 1, 0], [2, 0, 1], [0, 1, 0], [0, 0, 1], [0, 1, 1]])
    counts = np.array([[2, 1, 0], [2, 0, 1], [0, 1, 1]])
    chain = sample_nested(counts, [1, 2], seed=0)
    for k, draw in chain.draws.items():
        check_sample(counts, draw.indices, k, labels=["A", "B", "C"])
    only = np.array([[2, 1, 0], [2, 0, 1]])
    chain = sample_nested(only, [1, 2], seed=0)
    assert chain.failed == [1]
    assert not chain.draws


@pytest.mark.parametrize("ks", [[], [2, 1], [1, 1]])
def test_k_must_rise(ks):
    with pytest.raises(ValueError, match="N524"):
        sample_nested(np.ones((3, 1), dtype="int64"), ks, seed=0)


def test_the_types_that_are_short_are_named():
    counts = np.array([[1, 0], [1, 1], [9, 4]])
    assert explain(counts, 2, ["A", "B"]) == {"B": 1}


@quick
@given(pools, st.integers(1, 6), st.integers(0, 3))
def test_words_reach_k_with_no_sentence_to_spare(words, k, seed):
    draw = sample_words(words, k, seed=seed)
    assert (draw is None) == bool((words.sum(axis=0) < k).any())
    if draw is None:
        return
    assert draw == sample_words(words, k, seed=seed)
    total = words[draw.indices].sum(axis=0)
    assert (total >= k).all()
    assert len(set(draw.indices)) == len(draw.indices)
    assert draw.method in ("words", "words_over_cap")
    assert (draw.method == "words") == bool((total <= 2 * k).all())
    for index in draw.indices:
        assert not (total - words[index] >= k).all()


def test_long_mentions_go_above_the_cap_by_the_least():
    words = np.array([[5, 0], [3, 0], [0, 1]])
    draw = sample_words(words, 1, seed=0)
    assert draw is not None
    assert sorted(draw.indices) == [1, 2]
    assert draw.method == "words_over_cap"


def test_prune_leaves_out_the_last_first():
    words = np.array([[1], [2], [1]])
    assert prune(words, [0, 1, 2], 2) == [1]
    assert prune(words, [0, 2], 2) == [0, 2]


def test_count_words():
    doc = Doc(Vocab(), words=["New", " ", "York", "and", "Rome"])
    doc.ents = [Span(doc, 0, 3, "L"), Span(doc, 4, 5, "L")]
    gold = make_gold([doc, Doc(Vocab(), words=["x"])], ["L"], source="here")
    assert count_words(gold, 1).tolist() == [[3], [0]]


@pytest.fixture(scope="module")
def pool():
    """400 sentences with one or two of eight types."""
    rng = np.random.default_rng(4)
    counts = np.zeros((400, 8), dtype="int64")
    for row in counts:
        row[rng.integers(0, 8, size=int(rng.integers(0, 3)))] += 1
    return counts


@pytest.mark.parametrize(("n_way", "k", "q"), [(5, 1, 1), (3, 5, 1), (2, 2, 4)])
def test_episodes_keep_their_bounds(pool, n_way, k, q):
    labels = [f"L{i}" for i in range(8)]
    seen = set()
    for seed in range(5):
        episode = sample_episode(pool, labels, n_way=n_way, k=k, q=q, seed=seed)
        again = sample_episode(pool, labels, n_way=n_way, k=k, q=q, seed=seed)
        assert again == episode
        assert len(set(episode.labels)) == n_way
        seen.add(tuple(episode.labels))
        columns = [labels.index(label) for label in episode.labels]
        others = [i for i in range(8) if i not in columns]
        for rows, least in ((episode.support, k), (episode.query, q)):
            total = pool[rows].sum(axis=0)
            assert (total[columns] >= least).all()
            assert (total[columns] <= 2 * least).all()
            assert not total[others].any()
        assert not set(episode.support) & set(episode.query)
    assert len(seen) > 1


def test_episodes_do_not_hang_on_the_order_of_types(pool):
    labels = [f"L{i}" for i in range(8)]
    order = np.random.default_rng(0).permutation(8)
    for seed in range(5):
        one = sample_episode(pool, labels, n_way=3, k=2, seed=seed)
        other = sample_episode(
            pool[:, order], [labels[i] for i in order], n_way=3, k=2, seed=seed
        )
        assert one == other


def test_an_impossible_episode_says_why(pool, monkeypatch):
    labels = [f"L{i}" for i in range(8)]
    with pytest.raises(
        ValueError, match=r"N521.*9 types.*has 8 types, .* 8 have 2"
    ) as error:
        sample_episode(pool, labels, n_way=9, k=1, seed=0)
    assert "too few" not in str(error.value)
    few = pool.copy()
    few[:, 3] = 0
    with pytest.raises(
        ValueError, match=r"N521.*has 8 types, .* 7 .*too few have L3 \(0\)"
    ):
        sample_episode(few, labels, n_way=8, k=1, seed=0)
    # Every sentence has all types: none is of two types only
    from spacy_nuner.evaluate.samplers import episodes

    monkeypatch.setattr(episodes, "MAX_CHOICES", 10)
    together = np.ones((30, 3), dtype="int64")
    with pytest.raises(ValueError, match=r"N521.*none of 10 choices"):
        sample_episode(together, ["A", "B", "C"], n_way=2, k=1, seed=0)


def test_a_query_that_is_not_found_is_another_choice():
    counts = np.array([[1, 0, 0]] * 2 + [[0, 1, 0]] * 2 + [[0, 0, 3]] * 9)
    episode = sample_episode(counts, ["A", "B", "C"], n_way=2, k=1, q=1, seed=1)
    assert set(episode.labels) == {"A", "B"}  # C's sentences break the cap
    assert episode.n_choices >= 1
