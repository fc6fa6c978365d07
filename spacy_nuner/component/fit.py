"""The arithmetic of the head: its start, its loss, its training, one more tag.

All functions work on a head of `head.build_head` and on arrays; none knows of docs.
"""

from typing import Any, NamedTuple

from thinc.api import Model, Optimizer, chain, get_array_module
from thinc.types import Floats1d, Floats2d, Ints1d

from ..errors import Errors
from .head import HeadT

# The logit that a token must exceed to be of a type in a head started from concept
# vectors. Chosen on the pools of the sample sets, see docs/component.md
NONE_BIAS = 2.0
# A tag that joins later is not predicted before it has been trained
NEW_TAG_BIAS = -10.0
# Before training, BIO's concept start says "I-" rather than "B-"
BEGIN_BIAS = -1.0
EPS = 1e-6


class Start(NamedTuple):
    """Where a head begins that does not start from nothing."""

    rows: Floats2d  # (n_tags, width), to be multiplied with the encoder's vectors
    biases: Floats1d  # (n_tags,)


def make_concept_start(
    vectors: Floats2d, *, n_prefixes: int, none_bias: float
) -> Start:
    """Start from the vectors of the label names: a zero-shot classifier.

    "O" has no vector; its constant logit is what a token must exceed to be of a type.
    With BIO both tags of a label get its vector, "B-" a lower bias: the head begins as
    one that only says "I-", and learns borders from the examples.

    vectors (Floats2d): One vector per label, (n_labels, width).
    n_prefixes (int): Tags per label: 1 (io) or 2 (bio: first "B-", then "I-").
    none_bias (float): Bias of "O".
    RETURNS (Start): The start.
    """
    xp = get_array_module(vectors)
    n_tags = 1 + n_prefixes * len(vectors)
    rows = xp.zeros((n_tags, vectors.shape[1]), dtype="float32")
    rows[1:] = xp.repeat(vectors, n_prefixes, axis=0)
    biases = xp.zeros((n_tags,), dtype="float32")
    biases[0] = none_bias
    if n_prefixes == 2:
        biases[1::2] = BEGIN_BIAS
    return Start(rows, biases)


def start_head(
    head: HeadT, X: Floats2d, n_tags: int, *, start: Start | None = None, pull: float
) -> None:
    """Give the head its dimensions and first weights, whatever it had before.

    Inputs are standardised, by a mean per feature and one scale for all, since encoders
    differ by a factor of ten in the size of their vectors. Without a start a linear
    head begins at zero: softmax regression is convex, so nothing needs to be drawn at
    random. A given start is converted so that the head computes what it says.

    Few examples leave most directions of the vectors free, hence the pull: weights are
    held near those they start with, the less the more tokens there are to learn from.

    head (Model[Floats2d, Floats2d]): The head.
    X (Floats2d): Token vectors of the training set, (n_tokens, width).
    n_tags (int): Number of tags, "O" among them.
    start (Start | None): Rows and biases to begin with; only for a linear head.
    pull (float): Strength of the pull of the last layer back to its start, divided by
        the root of n_tokens.
    RAISES (ValueError): For a start of another shape, a start of a two-layer head,
        or no token vectors.
    """
    hidden = head.maybe_get_ref("hidden")
    output = head.get_ref("output")
    if X.ndim != 2 or not X.size:
        raise ValueError(Errors.N405.format(shape=X.shape))
    if start is not None and hidden is not None:
        raise ValueError(Errors.N404)
    width = X.shape[1]
    ops = head.ops
    mean = X.mean(axis=0, dtype="float64")
    scale = float(((X - mean) ** 2).mean(dtype="float64")) ** 0.5 + EPS
    if start is None:
        n_in = width if hidden is None else hidden.get_dim("nO")
        rows, biases = ops.alloc2f(n_tags, n_in), ops.alloc1f(n_tags)
    else:
        if start.rows.shape != (n_tags, width) or start.biases.shape != (n_tags,):
            raise ValueError(
                Errors.N406.format(got=start.rows.shape, n_tags=n_tags, width=width)
            )
        rows, biases = start.rows * scale, start.biases + start.rows @ mean
    forget(head)
    standardise = head.get_ref("standardise")
    standardise.set_param("mean", ops.asarray1f(mean, dtype="float32"))
    standardise.set_param("scale", ops.asarray1f([scale], dtype="float32"))
    if hidden is not None:
        hidden.set_dim("nI", width, force=True)
        hidden.initialize()
    output.set_dim("nI", rows.shape[1], force=True)
    output.attrs["pull"] = pull / len(X) ** 0.5
    _set_rows(output, W=rows, b=biases, W0=rows, b0=biases)


def forget(head: HeadT) -> None:
    """Drop all weights and the dimensions that labels and encoder decide."""
    unset: Any = None
    for node in head.walk():
        for name in node.param_names:
            node.set_param(name, None)
    output, hidden = head.get_ref("output"), head.maybe_get_ref("hidden")
    output.set_dim("nO", unset, force=True)
    output.set_dim("nI", unset, force=True)
    if hidden is not None:
        hidden.set_dim("nI", unset, force=True)


def _set_rows(output: Model, **params: Floats1d | Floats2d) -> None:
    for name in output.param_names:
        output.set_param(name, None)
    output.set_dim("nO", len(params["W"]), force=True)
    for name, array in params.items():
        output.set_param(name, output.ops.asarray_f(array, dtype="float32").copy())
        if output.has_grad(name):
            output.set_grad(name, output.ops.alloc_f(array.shape))


def add_tags(head: HeadT, n_new: int) -> None:
    """Append tags to a trained head; what it predicts stays the same."""
    output = head.get_ref("output")
    xp: Any = output.ops.xp
    width = output.get_dim("nI")
    grown = {}
    for name in ("W", "W0"):
        new = output.ops.alloc2f(n_new, width)
        grown[name] = xp.concatenate([output.get_param(name), new])
    for name in ("b", "b0"):
        new = output.ops.alloc1f(n_new) + NEW_TAG_BIAS
        grown[name] = xp.concatenate([output.get_param(name), new])
    _set_rows(output, **grown)


def softmax_loss(logits: Floats2d, Y: Ints1d) -> tuple[float, Floats2d]:
    """Cross-entropy of the tags, mean over annotated tokens, and its gradient.

    logits (Floats2d): (n_tokens, n_tags).
    Y (Ints1d): Tag of each token, -1 where there is no annotation.
    RETURNS (tuple[float, Floats2d]): The loss; its gradient, zero at -1.
    """
    xp = get_array_module(logits)
    rows = xp.flatnonzero(Y >= 0)
    gradient = xp.zeros_like(logits)
    if not len(rows):
        return 0.0, gradient
    log_probs = logits[rows]
    log_probs -= log_probs.max(axis=1, keepdims=True)
    log_probs -= xp.log(xp.exp(log_probs).sum(axis=1, keepdims=True))
    at = xp.arange(len(rows)), Y[rows]
    loss = -float(log_probs[at].mean())
    d_rows = xp.exp(log_probs)
    d_rows[at] -= 1.0
    gradient[rows] = d_rows / len(rows)
    return loss, gradient


def pull_back(head: HeadT) -> None:
    """Add the gradient of `pull * |W - W0|²` (and of the biases), once per step."""
    output = head.get_ref("output")
    pull = output.attrs["pull"]
    if pull and output.has_grad("W"):
        for name in ("W", "b"):
            offset = output.get_param(name) - output.get_param(f"{name}0")
            output.inc_grad(name, 2 * pull * offset)


def train_head(
    head: HeadT, X: Floats2d, Y: Ints1d, *, sgd: Optimizer, n_steps: int
) -> list[float]:
    """Take full-batch steps: the arithmetic of `nlp.update` on one batch of all docs.

    head (Model[Floats2d, Floats2d]): A started head.
    X (Floats2d): Token vectors, (n_tokens, width).
    Y (Ints1d): Tag of each token, -1 where there is no annotation.
    sgd (Optimizer): A fresh optimizer; its schedules advance by one each step.
    n_steps (int): Number of steps.
    RETURNS (list[float]): The loss before each step, without the pull.
    """
    # Mean and scale never change: standardised once, not in each step
    X = head.get_ref("standardise").predict(X)  # (n_tokens, width)
    layers = head.layers[1:]
    trained: HeadT = layers[0] if len(layers) == 1 else chain(*layers)
    losses = []
    for _ in range(n_steps):
        logits, backprop = trained.begin_update(X)
        loss, d_logits = softmax_loss(logits, Y)
        backprop(d_logits)
        pull_back(head)
        trained.finish_update(sgd)
        sgd.step_schedules()
        losses.append(loss)
    return losses
