import numpy as np
import pytest
from thinc.api import Adam

from spacy_nuner.component import fit
from spacy_nuner.component.head import HeadT, build_head


def make_head(hidden_width: int | None = None, *, pull: float = 0.0) -> HeadT:
    head = build_head(hidden_width)
    fit.start_head(head, make_inputs(), 3, pull=pull)
    return head


def make_inputs() -> np.ndarray:
    return np.random.default_rng(0).normal(2.0, 3.0, size=(20, 5)).astype("f")


def make_tags() -> np.ndarray:
    return np.random.default_rng(1).integers(-1, 3, size=20)


def test_linear_head_starts_at_zero_on_standardised_inputs() -> None:
    head, X = make_head(), make_inputs()
    assert not head.predict(X).any()
    standardise = head.get_ref("standardise")
    Z = standardise.predict(X)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-5)
    assert Z.std() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("hidden_width", [None, 4])
def test_loss_and_gradient_against_autograd(hidden_width: int | None) -> None:
    torch = pytest.importorskip("torch")
    np.random.seed(0)
    head, X, Y = make_head(hidden_width), make_inputs(), make_tags()
    output = head.get_ref("output")
    rng = np.random.default_rng(2)
    output.set_param("W", rng.normal(size=output.get_param("W").shape).astype("f"))
    logits, backprop = head.begin_update(X)
    loss, d_logits = fit.softmax_loss(logits, Y)
    dX = backprop(d_logits)

    Xt = torch.tensor(X, requires_grad=True)
    norm = head.get_ref("standardise")
    Z = (Xt - torch.tensor(norm.get_param("mean"))) / torch.tensor(
        norm.get_param("scale")
    )
    if hidden_width is not None:
        hidden = head.get_ref("hidden")
        Wh = torch.tensor(hidden.get_param("W"))
        Z = torch.relu(Z @ Wh.T + torch.tensor(hidden.get_param("b")))
    W = torch.tensor(output.get_param("W"), requires_grad=True)
    b = torch.tensor(output.get_param("b"), requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        Z @ W.T + b, torch.tensor(Y), ignore_index=-1
    )
    expected.backward()
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    np.testing.assert_allclose(output.get_grad("W"), W.grad, atol=1e-5)
    np.testing.assert_allclose(output.get_grad("b"), b.grad, atol=1e-5)
    np.testing.assert_allclose(dX, Xt.grad, atol=1e-5)


def test_nothing_annotated() -> None:
    logits = np.ones((3, 2), dtype="f")
    loss, gradient = fit.softmax_loss(logits, np.full(3, -1))
    assert loss == 0.0 and not gradient.any()


def test_start_computes_what_it_says() -> None:
    """Rows are given for raw vectors, though the head standardises them."""
    head, X = build_head(), make_inputs()
    vectors = np.random.default_rng(3).normal(size=(2, 5)).astype("f")
    start = fit.make_concept_start(vectors, n_prefixes=1, none_bias=2.0)
    fit.start_head(head, X, 3, start=start, pull=0.1)
    expected = np.hstack([np.full((20, 1), 2.0), X @ vectors.T])
    np.testing.assert_allclose(head.predict(X), expected, atol=1e-4)


def test_training_matches_torch() -> None:
    """Twenty steps of Adam with the pull, against autograd and torch's Adam."""
    torch = pytest.importorskip("torch")
    pull, X, Y = 0.05, make_inputs(), make_tags()
    head = make_head(pull=pull)
    Z = torch.tensor(head.get_ref("standardise").predict(X))
    sgd = Adam(0.01, L2=0.0, grad_clip=0.0, use_averages=False)
    losses = fit.train_head(head, X, Y, sgd=sgd, n_steps=20)
    pull /= len(X) ** 0.5
    W = torch.zeros(3, 5, requires_grad=True)
    b = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([W, b], lr=0.01)
    expected = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            Z @ W.T + b, torch.tensor(Y), ignore_index=-1
        )
        expected.append(loss.item())
        (loss + pull * (W**2).sum() + pull * (b**2).sum()).backward()
        optimizer.step()
    np.testing.assert_allclose(losses, expected, atol=1e-4)
    W_ours = head.get_ref("output").get_param("W")
    np.testing.assert_allclose(W_ours, W.detach(), atol=1e-4)


def test_mean_and_scale_are_not_trained() -> None:
    head = make_head()
    standardise = head.get_ref("standardise")
    before = {name: standardise.get_param(name).copy() for name in ("mean", "scale")}
    sgd = Adam(0.1, L2=0.1, grad_clip=0.0, use_averages=False)
    fit.train_head(head, make_inputs(), make_tags(), sgd=sgd, n_steps=3)
    for name, array in before.items():
        np.testing.assert_array_equal(standardise.get_param(name), array)


def test_restart_with_more_tags_after_training() -> None:
    """Gradients of the old size are not in the way."""
    head = make_head()
    sgd = Adam(0.1, grad_clip=0.0, use_averages=False)
    fit.train_head(head, make_inputs(), make_tags(), sgd=sgd, n_steps=2)
    fit.start_head(head, make_inputs(), 6, pull=0.0)
    sgd = Adam(0.1, grad_clip=0.0, use_averages=False)
    losses = fit.train_head(head, make_inputs(), make_tags(), sgd=sgd, n_steps=2)
    assert losses[0] == pytest.approx(np.log(6), abs=1e-5)


def test_added_tags_change_no_prediction() -> None:
    head, X = make_head(), make_inputs()
    sgd = Adam(0.1, grad_clip=0.0, use_averages=False)
    fit.train_head(head, X, make_tags(), sgd=sgd, n_steps=5)
    before = head.predict(X)
    fit.add_tags(head, 2)
    after = head.predict(X)
    assert after.shape == (20, 5)
    np.testing.assert_array_equal(after[:, :3], before)
    assert (after[:, 3:] == fit.NEW_TAG_BIAS).all()
