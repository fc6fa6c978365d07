"""Where a head begins: nothing, or the vectors of labels."""

import numpy as np
import pytest
from thinc.api import Ragged

from spacy_nuner.component import fit
from spacy_nuner.component.head import HeadT, build_head
from spacy_nuner.component.window_linear import whiten

from .test_fit import WIDTH, make_inputs, make_sgd


def make_vectors(n_labels: int = 2, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(n_labels, width)).astype("f")


def make_start(
    vectors: np.ndarray, *, n_prefixes: int = 1, none_bias: float = 2.0
) -> fit.Start:
    return fit.make_concept_start(vectors, n_prefixes=n_prefixes, none_bias=none_bias)


def start_head(head: HeadT, start: fit.Start, **options: object) -> HeadT:
    n_tags = len(start.biases)
    fit.start_head(head, make_inputs().dataXd, n_tags, start=start, pull=0.1, **options)
    return head


def make_whitening(kind: str) -> np.ndarray | None:
    """None, a factor for each feature, or a matrix."""
    rng = np.random.default_rng(4)
    if kind == "factors":
        return rng.uniform(0.5, 2.0, size=WIDTH).astype("f")
    if kind == "matrix":
        A = rng.normal(size=(WIDTH, WIDTH))
        return (A @ A.T / WIDTH + np.eye(WIDTH)).astype("f")
    return None


@pytest.mark.parametrize("kind", ["none", "factors", "matrix"])
def test_linear_head_starts_at_zero(kind: str) -> None:
    head, X = build_head(), make_inputs()
    fit.start_head(head, X.dataXd, 3, whitening=make_whitening(kind), pull=0.0)
    assert not head.predict(X).any()
    assert head.get_ref("output").get_param("W").shape == (9, WIDTH)


def test_inputs_are_standardised_by_the_training_set() -> None:
    head, X = build_head(), make_inputs().dataXd
    fit.start_head(head, X, 3, pull=0.0)
    U = whiten(head.get_ref("input"), X)
    np.testing.assert_allclose(U.mean(axis=0), 0, atol=1e-5)
    # A floor holds back features that hardly vary
    variance = X.var(axis=0)
    expected = (variance / (variance + fit.FLOOR * variance.mean())) ** 0.5
    np.testing.assert_allclose(U.std(axis=0), expected, rtol=1e-4)


def test_constant_features_are_not_blown_up() -> None:
    X = make_inputs().dataXd.copy()
    X[:, 0] = 7.0
    head = build_head()
    fit.start_head(head, X, 3, pull=0.0)
    U = whiten(head.get_ref("input"), X + np.eye(1, WIDTH, dtype="f"))
    assert np.isfinite(U).all() and np.abs(U[:, 0]).max() < 10


@pytest.mark.parametrize("kind", ["none", "factors", "matrix"])
@pytest.mark.parametrize("hidden_width", [None, 9])
def test_start_computes_what_it_says(kind: str, hidden_width: int | None) -> None:
    """Rows are given for raw vectors, though the head whitens them."""
    vectors, X = make_vectors(), make_inputs()
    head = build_head(hidden_width)
    start_head(head, make_start(vectors), whitening=make_whitening(kind))
    scores = X.dataXd @ vectors.T
    expected = np.hstack([np.full((len(scores), 1), 2.0), scores])
    np.testing.assert_allclose(head.predict(X), expected, atol=1e-4)
    np.testing.assert_allclose(head.begin_update(X)[0], expected, atol=1e-4)


@pytest.mark.parametrize("n_prefixes", [1, 2])
@pytest.mark.parametrize("window", [0, 1])
def test_two_layers_start_as_the_linear_head(n_prefixes: int, window: int) -> None:
    """With the same logits before any training, and other ones after it."""
    X, start = make_inputs(), make_start(make_vectors(), n_prefixes=n_prefixes)
    linear = start_head(build_head(window=window), start)
    deep = start_head(build_head(7, window=window), start)
    np.testing.assert_allclose(deep.predict(X), linear.predict(X), atol=2e-5)
    Y = np.arange(len(X.dataXd)) % len(start.biases)
    before = fit.softmax_loss(linear.predict(X), Y)[0]
    losses = fit.train_head(deep, X, Y, sgd=make_sgd(0.01), n_steps=20)
    assert losses[0] == pytest.approx(before, rel=1e-5) and losses[-1] < before


def test_random_units_beside_those_of_the_start() -> None:
    """They are there to learn from: not zero, and without a say at first."""
    head = start_head(build_head(9, window=0), make_start(make_vectors()))
    first, output = head.get_ref("input"), head.get_ref("output")
    assert np.abs(first.get_param("W")[3:]).min() > 0
    assert not output.get_param("W")[:, 3:].any()
    assert head.get_ref("relu").attrs["n_linear"] == 3


def test_two_layers_without_a_start() -> None:
    """At zero as a linear head; the units to learn from are the same each time."""
    X = make_inputs()
    heads = [build_head(6) for _ in range(2)]
    for head in heads:
        fit.start_head(head, X.dataXd, 3, pull=0.0)
        assert not head.predict(X).any()
    weights = [head.get_ref("input").get_param("W") for head in heads]
    np.testing.assert_array_equal(*weights)
    assert not weights[0][:3].any() and np.abs(weights[0][3:6]).min() > 0


@pytest.mark.parametrize("n_prefixes", [1, 2])
def test_concept_start(n_prefixes: int) -> None:
    vectors = make_vectors()
    start = make_start(vectors, n_prefixes=n_prefixes, none_bias=1.5)
    assert not start.rows[0].any() and start.biases[0] == 1.5
    if n_prefixes == 1:
        np.testing.assert_array_equal(start.rows[1:], vectors)
        assert not start.biases[1:].any()
    else:
        np.testing.assert_array_equal(start.rows[1::2], vectors)
        np.testing.assert_array_equal(start.rows[2::2], vectors)
        assert (start.biases[1::2] == fit.BEGIN_BIAS).all()
        assert not start.biases[2::2].any() and fit.BEGIN_BIAS < 0


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_narrow_vectors_are_of_the_last_layer(hidden_width: int | None) -> None:
    """Joined states are wider than concepts: the last one stands at the end."""
    vectors, X = make_vectors(width=3), make_inputs()
    head = start_head(build_head(hidden_width), make_start(vectors))
    expected = X.dataXd[:, 2:] @ vectors.T
    np.testing.assert_allclose(head.predict(X)[:, 1:], expected, atol=1e-4)


def test_neighbours_have_no_say_at_first() -> None:
    vectors, X = make_vectors(), make_inputs()
    head = start_head(build_head(), make_start(vectors))
    whole = head.predict(X)
    alone = head.predict(Ragged(X.dataXd, np.ones(len(X.dataXd), dtype="i")))
    np.testing.assert_allclose(whole, alone, atol=1e-5)


def test_hidden_layer_too_narrow() -> None:
    with pytest.raises(ValueError, match=r"\[N404\].*3 or more.*hidden_width = 2"):
        start_head(build_head(2), make_start(make_vectors()))


@pytest.mark.parametrize(
    "n_tags,width", [(3, WIDTH + 1), (4, WIDTH)], ids=["too wide", "too few"]
)
def test_start_of_another_shape(n_tags: int, width: int) -> None:
    start = make_start(make_vectors(width=width))
    with pytest.raises(ValueError, match=rf"\[N406\].*{n_tags} tags"):
        fit.start_head(
            build_head(), make_inputs().dataXd, n_tags, start=start, pull=0.0
        )


@pytest.mark.parametrize("shape", [(3,), (3, 3), (WIDTH, 1), (WIDTH, WIDTH, 1)])
def test_whitening_of_another_width(shape: tuple[int, ...]) -> None:
    whitening = np.ones(shape, dtype="f")
    with pytest.raises(ValueError, match=r"\[N427\].*width 5"):
        fit.start_head(
            build_head(), make_inputs().dataXd, 3, whitening=whitening, pull=0.0
        )


@pytest.mark.parametrize("shape", [(0, WIDTH), (0, 0), (4,)])
def test_start_on_nothing(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="N405"):
        fit.start_head(build_head(), np.zeros(shape, dtype="f"), 3, pull=0.0)


def test_pull_fades_with_the_number_of_tokens() -> None:
    X = make_inputs().dataXd
    pulls = []
    for n_times in (1, 4):
        head = build_head()
        fit.start_head(head, np.tile(X, (n_times, 1)), 3, pull=0.7)
        pulls.append(head.get_ref("output").attrs["pull"])
    assert pulls[0] == pytest.approx(0.7 / len(X) ** 0.5)
    assert pulls[1] == pytest.approx(pulls[0] / 2)
