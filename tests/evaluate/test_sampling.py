"""The four facts about Few-NERD's sampler, its dead end, and ours that ends."""

import os
import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from spacy_nuner.evaluate.sampling import (
    check_sample,
    count_runs,
    sample,
    sample_exact,
    unreachable_types,
    usable_mentions,
)


def published(classes, counters, k, *, seed, max_draws):
    """Few-NERD's loop for N = all, told step by step, with a limit on the draws."""
    rng = random.Random(seed)
    targets = rng.sample(classes, len(classes))
    candidates = [i for i, c in enumerate(counters) if c and set(c) <= set(targets)]
    table = {"k": k}
    chosen = []
    for _ in range(max_draws):
        if len(table) >= len(classes) + 1 and all(
            n >= table["k"] for n in table.values()
        ):
            return chosen
        index = rng.choice(candidates)
        counter = counters[index]
        if index in chosen:
            continue
        if any(n + table.get(t, 0) > 2 * table["k"] for t, n in counter.items()):
            continue
        if not any(table.get(t, 0) < table["k"] for t in counter):
            continue
        for t, n in counter.items():
            table[t] = table.get(t, 0) + n
        chosen.append(index)
    return None


def to_matrix(counters, classes):
    return np.array([[c.get(t, 0) for t in classes] for c in counters])


def random_pool(rng, *, n, weights, names):
    """Sentences with 0 to 4 mentions of types drawn by weight."""
    return [
        Counter(rng.choices(names, weights, k=rng.choice([0, 1, 1, 2, 3, 4])))
        for _ in range(n)
    ]


@pytest.fixture(scope="module")
def long_tail():
    """2,000 sentences, 12 types from 1,142 mentions down to 17."""
    names = [f"T{i}" for i in range(12)]
    weights = [1.5**-i for i in range(12)]
    counters = random_pool(random.Random(3), n=2000, weights=weights, names=names)
    return to_matrix(counters, names)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_exact_draws_as_published(k, seed):
    names = ["PER", "LOC", "ORG", "EVENT"]
    counters = random_pool(random.Random(7), n=150, weights=[4, 3, 2, 2], names=names)
    expected = published(names, counters, k, seed=seed, max_draws=100_000)
    got = sample_exact(to_matrix(counters, names), k, seed=seed)
    assert expected is not None
    assert got == expected
    check_sample(to_matrix(counters, names), got, k, labels=names)


def test_exact_ignores_the_order_of_the_types():
    names = ["A", "B", "C"]
    counters = random_pool(random.Random(1), n=80, weights=[3, 2, 1], names=names)
    forward = sample_exact(to_matrix(counters, names), 2, seed=5)
    backward = sample_exact(to_matrix(counters, names[::-1]), 2, seed=5)
    assert forward == backward


def test_published_loop_has_no_end_and_exact_sees_it():
    # After the first sentence A has 1 of 1, and the only sentence with B breaks 2k.
    counters = [Counter(A=1), Counter(A=2, B=1)]
    seed = next(s for s in range(20) if random_first_choice(s) == 0)
    assert published(["A", "B"], counters, 1, seed=seed, max_draws=50_000) is None
    assert sample_exact(to_matrix(counters, ["A", "B"]), 1, seed=seed) is None
    draw = sample(to_matrix(counters, ["A", "B"]), 1, seed=seed)
    assert draw is not None
    assert draw.indices == [1]
    assert draw.method == "exact_restart"
    assert draw.n_restarts >= 1


def random_first_choice(seed):
    rng = random.Random(seed)
    rng.sample(range(2), 2)
    return rng.choice([0, 1])


def test_type_named_k_is_a_type_like_others():
    names = ["k", "LOC"]
    counters = [Counter({"k": 1}), Counter(LOC=1), Counter({"k": 1, "LOC": 1})] * 3
    # The sentinel collides: with the bound itself raised by each mention of "k" and a
    # table of N entries where N + 1 are asked for, the published loop never ends.
    assert published(names, counters, 2, seed=0, max_draws=20_000) is None
    counts = to_matrix(counters, names)
    draw = sample_exact(counts, 2, seed=0)
    assert draw is not None
    found = check_sample(counts, draw, 2, labels=names)
    assert all(2 <= n <= 4 for n in found.values())


def test_draw_is_independent_of_the_hash_seed():
    program = (
        "import numpy as np\n"
        "from spacy_nuner.evaluate.sampling import sample\n"
        "rng = np.random.default_rng(0)\n"
        "counts = rng.integers(0, 2, size=(60, 5))\n"
        "print([sample(counts, k, seed=4).indices for k in (1, 2, 4)])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().startswith("[[")


@pytest.mark.parametrize(
    ("types", "lengths", "expected"),
    [
        ([1, 1, 0, 1], [4], [[2, 0]]),  # a run, a gap, a run
        ([1, 1, 1, 1], [4], [[1, 0]]),  # adjacent mentions of one type merge
        ([1, 1, 2, 2], [4], [[1, 1]]),  # adjacent mentions of two types do not
        ([1, 1, 1, 1], [2, 2], [[1, 0], [1, 0]]),  # no run crosses a sentence
        ([0, 0, -1, 2], [0, 3, 1, 0], [[0, 0], [0, 0], [0, 1], [0, 0]]),
        ([], [], np.zeros((0, 2))),
    ],
)
def test_count_runs(types, lengths, expected):
    counts = count_runs(np.array(types, dtype=int), np.array(lengths, dtype=int), 2)
    np.testing.assert_array_equal(counts, np.array(expected))


def test_long_tail_dead_ends_exact_but_not_ours(long_tail):
    k, names = 8, [f"T{i}" for i in range(12)]
    assert not unreachable_types(long_tail, k)
    exact = [sample_exact(long_tail, k, seed=seed) for seed in range(10)]
    assert exact.count(None) >= 5
    for seed, published_set in enumerate(exact):
        draw = sample(long_tail, k, seed=seed, n_restarts=4)
        assert draw is not None
        check_sample(long_tail, draw.indices, k, labels=names)
        if published_set is not None:
            assert draw.indices == published_set
            assert draw.method == "exact"
        else:
            assert draw.method != "exact"


def test_fallback_is_named(long_tail):
    dead = next(s for s in range(20) if sample_exact(long_tail, 8, seed=s) is None)
    draw = sample(long_tail, 8, seed=dead, n_restarts=0)
    assert draw is not None
    assert draw.method == "greedy_fallback"
    assert draw == sample(long_tail, 8, seed=dead, n_restarts=0)


def test_exchange_finds_what_adding_alone_cannot():
    # Nearly every sentence brings the common type along: adding ends at its cap
    rng = random.Random(0)
    names = ["COMMON", "RARE", "SELDOM"]
    counters = [
        Counter({"COMMON": rng.choice([0, 1, 1, 2]), rng.choice(names[1:]): 1})
        for _ in range(90)
    ] + [Counter(COMMON=2)] * 90
    counts = to_matrix(counters, names)
    k = 32
    draw = sample(counts, k, seed=0, n_restarts=2, n_greedy=0)
    assert draw is not None
    assert draw.method == "exchange_fallback"
    check_sample(counts, draw.indices, k, labels=names)
    assert draw == sample(counts, k, seed=0, n_restarts=2, n_greedy=0)


def test_unreachable_types_are_named():
    counts = np.array([[1, 0, 0], [1, 1, 0], [2, 0, 5]])
    assert unreachable_types(counts, 2) == [1, 2]  # one mention; one sentence above 2k
    assert usable_mentions(counts, 2).tolist() == [2, 1, 0]
    assert sample(counts, 2, seed=0) is None
    assert sample_exact(counts, 2, seed=0) is None


def test_no_set_where_the_cap_allows_none():
    # Each type has one mention, but taking B or C takes A twice: 4 of A > 2k = 2.
    counts = np.array([[2, 1, 0], [2, 0, 1]])
    assert not unreachable_types(counts, 1)
    assert sample(counts, 1, seed=0) is None


@pytest.mark.parametrize(
    ("indices", "message"),
    [([0], "N501.*'B': 0"), ([0, 1, 1], "N502.*\\[1\\]"), ([], "N501")],
)
def test_check_sample_refuses(indices, message):
    counts = np.array([[1, 0], [0, 1], [3, 1]])
    with pytest.raises(ValueError, match=message):
        check_sample(counts, indices, 1, labels=["A", "B"])


def test_check_sample_refuses_above_the_cap():
    with pytest.raises(ValueError, match=r"N501.*'A': 3"):
        check_sample(np.array([[3, 1]]), [0], 1, labels=["A", "B"])
