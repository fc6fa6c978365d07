"""The arithmetic of the head: its start, its loss, its training, one more tag.

All functions work on a head of `head.build_head` and on arrays; none knows of docs.
"""

from typing import Any, NamedTuple, cast

from thinc.api import Model, Optimizer, get_array_module
from thinc.types import Floats1d, Floats2d, Ints1d, Ragged

from ..errors import Errors
from .head import HeadT, list_layers
from .window_linear import project, whiten

# A tag that joins later is not predicted before it has been trained
NEW_TAG_BIAS = -10.0
# Before training, BIO's concept start says "I-" rather than "B-"
BEGIN_BIAS = -1.0
# Share of the mean variance added to each feature's, before they are made alike
FLOOR = 0.05
# Above a hidden layer, whose units vary more than whitened features do
OUTPUT_PULL = 4.0


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
    head: HeadT,
    X: Floats2d,
    n_tags: int,
    *,
    start: Start | None = None,
    whitening: Floats1d | Floats2d | None = None,
    pull: float,
) -> None:
    """Give the head its dimensions and first weights, whatever it had before.

    Inputs are centred by the mean of the training set and whitened: with the matrix
    that is given, or else by the spread of each feature in the training set. A start is
    converted so that the head computes what it says. Without one all logits are zero:
    softmax regression is convex, so that only hidden units have to be drawn at random.

    Few examples leave most directions of the vectors free, hence the pull: weights are
    held near those they start with, the less the more tokens there are to learn from.

    head (Model[Ragged, Floats2d]): The head.
    X (Floats2d): Token vectors of the training set, (n_tokens, width).
    n_tags (int): Number of tags, "O" among them.
    start (Start | None): Rows and biases to begin with. They may be narrower than X:
        they then belong to its last columns, the last one of joined layers.
    whitening (Floats1d | Floats2d | None): A symmetric matrix, (width, width), or a
        factor for each feature, (width,).
    pull (float): Strength of the pull of each layer back to its start, divided by the
        root of n_tokens; `OUTPUT_PULL` times as strong above a hidden layer.
    RAISES (ValueError): For a start or a matrix of another shape, a hidden layer too
        narrow for the tags, or no token vectors.
    """
    if X.ndim != 2 or not X.size:
        raise ValueError(Errors.N405.format(shape=X.shape))
    xp: Any = get_array_module(X)
    width = X.shape[1]
    mean = X.mean(axis=0, dtype="float64")
    spread = ((X - mean) ** 2).mean(axis=0, dtype="float64")
    scale = (spread + FLOOR * spread.mean() + 1e-12) ** 0.5  # (width,)
    M: Any = 1.0 / scale if whitening is None else whitening
    if M.shape not in ((width,), (width, width)):
        raise ValueError(Errors.N427.format(got=M.shape, width=width))
    rows, biases = xp.zeros((n_tags, width)), xp.zeros(n_tags)
    if start is not None:
        n_rows, n_columns = start.rows.shape
        if n_rows != n_tags or n_columns > width:
            raise ValueError(
                Errors.N406.format(got=start.rows.shape, n_tags=n_tags, width=width)
            )
        rows[:, width - n_columns :] = start.rows
        biases = start.biases + rows @ mean
        rows = rows / M if M.ndim == 1 else xp.linalg.solve(M, rows.T).T
    forget(head)
    first, output = head.get_ref("input"), head.get_ref("output")
    first.set_dim("nI", width, force=True)
    for name, value in (("mean", mean), ("whiten", M)):
        first.set_param(name, head.ops.asarray_f(value, dtype="float32"))
    for layer in list_layers(head):
        layer.attrs["pull"] = pull / len(X) ** 0.5
    if first is output:
        views = xp.zeros((n_tags * (first.attrs["n_views"] - 1), width))
        W = xp.concatenate([rows, views])
    else:
        W = _start_hidden(head, rows)
        output.attrs["pull"] *= OUTPUT_PULL
    output.set_dim("nI", W.shape[1], force=True)
    _set_rows(output, n_tags, W=W, b=biases, W0=W, b0=biases)


def _start_hidden(head: HeadT, rows: Any) -> Floats2d:
    """Start the hidden layer so that the output layer can begin as a linear head.

    One unit per tag stays linear, computes the tag's row and is all that the output
    layer looks at first. The others are drawn at random.

    RETURNS (Floats2d): Weights of the output layer, (n_tags, n_hidden).
    """
    xp: Any = get_array_module(rows)
    first = head.get_ref("input")
    n_hidden, (n_tags, width) = head.attrs["hidden_width"], rows.shape
    if n_tags > n_hidden:
        raise ValueError(Errors.N404.format(needed=n_tags, got=n_hidden))
    bound = (6.0 / (width + n_hidden)) ** 0.5  # Glorot
    W = xp.random.default_rng(0).uniform(-bound, bound, (n_hidden, width))
    W[:n_tags] = rows
    views = xp.zeros((n_hidden * (first.attrs["n_views"] - 1), width))
    W, b = xp.concatenate([W, views]), xp.zeros(n_hidden)
    first.set_dim("nO", n_hidden, force=True)
    _set_rows(first, n_hidden, W=W, b=b, W0=W, b0=b)
    head.get_ref("relu").attrs["n_linear"] = n_tags
    return cast(Floats2d, xp.eye(n_tags, n_hidden))


def forget(head: HeadT) -> None:
    """Drop all weights and the dimensions that labels and encoder decide."""
    unset: Any = None
    for layer in list_layers(head):
        for name in layer.param_names:
            layer.set_param(name, None)
        for dim in ("nO", "nI"):
            layer.set_dim(dim, unset, force=True)


def _set_rows(layer: Model, n_out: int, **params: Any) -> None:
    # A dimension can't change while any parameter is set
    others = (name for name in layer.param_names if name not in params)
    kept = {name: layer.get_param(name) for name in others if layer.has_param(name)}
    for name in layer.param_names:
        layer.set_param(name, None)
    layer.set_dim("nO", n_out, force=True)
    for name, array in (kept | params).items():
        layer.set_param(name, layer.ops.asarray_f(array, dtype="float32").copy())
        if layer.has_grad(name):
            layer.set_grad(name, layer.ops.alloc_f(array.shape))


def add_tags(head: HeadT, n_new: int) -> None:
    """Append tags to a trained head; what it predicts stays the same."""
    output: Any = head.get_ref("output")
    xp = output.ops.xp
    n_out, width = output.get_dim("nO"), output.get_dim("nI")
    grown = {}
    for name in ("W", "W0"):
        views = output.get_param(name).reshape(-1, n_out, width)
        new = xp.zeros((len(views), n_new, width))
        grown[name] = xp.concatenate([views, new], axis=1).reshape(-1, width)
    for name in ("b", "b0"):
        new = xp.zeros(n_new) + NEW_TAG_BIAS
        grown[name] = xp.concatenate([output.get_param(name), new])
    _set_rows(output, n_out + n_new, **grown)


def weigh_tags(Y: Ints1d, n_tags: int, exponent: float) -> Floats1d:
    """Weights of the tags in the loss, larger for rare ones, 1 in the mean.

    Y (Ints1d): Tags of the training set, -1 where there is no annotation.
    n_tags (int): Number of tags.
    exponent (float): Weights are 1 / counts to this power: 0 for none, 1 to balance.
    RETURNS (Floats1d): (n_tags,).
    """
    xp: Any = get_array_module(Y)
    counts = xp.bincount(Y[Y >= 0], minlength=n_tags) + 1.0
    weights = counts**-exponent
    return (weights / weights.mean()).astype("float32")


def softmax_loss(
    logits: Floats2d, Y: Ints1d, weights: Floats1d | None = None
) -> tuple[float, Floats2d]:
    """Cross-entropy of the tags, mean over annotated tokens, and its gradient.

    With p = softmax(z), the one-hot tag y of a token and its weight v:

        loss = sum(-v log p_y) / sum v        dloss/dz = v (p - y) / sum v

    logits (Floats2d): (n_tokens, n_tags).
    Y (Ints1d): Tag of each token, -1 where there is no annotation.
    weights (Floats1d | None): Of the tags, (n_tags,); None: all the same.
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
    share = xp.ones(len(rows)) if weights is None else weights[Y[rows]]
    share = (share / share.sum()).astype("float32")  # (n_rows,)
    loss = -float((share * log_probs[at]).sum())
    d_rows = xp.exp(log_probs)
    d_rows[at] -= 1.0
    gradient[rows] = d_rows * share[:, None]
    return loss, gradient


def pull_back(head: HeadT) -> None:
    """Add the gradient of `pull * |W - W0|²` (and of the biases), once per step."""
    for layer in list_layers(head):
        pull = layer.attrs["pull"]
        if pull and layer.has_grad("W"):
            for name in ("W", "b"):
                offset = layer.get_param(name) - layer.get_param(f"{name}0")
                layer.inc_grad(name, 2 * pull * offset)


def train_head(
    head: HeadT,
    X: Ragged,
    Y: Ints1d,
    *,
    sgd: Optimizer,
    n_steps: int,
    weights: Floats1d | None = None,
) -> list[float]:
    """Take full-batch steps: the arithmetic of `nlp.update` on one batch of all docs.

    head (Model[Ragged, Floats2d]): A started head.
    X (Ragged): Token vectors, (n_tokens, width), and the lengths of the texts.
    Y (Ints1d): Tag of each token, -1 where there is no annotation.
    sgd (Optimizer): A fresh optimizer; its schedules advance by one each step.
    n_steps (int): Number of steps.
    weights (Floats1d | None): Of the tags in the loss.
    RETURNS (list[float]): The loss before each step, without the pull.
    """
    first = head.get_ref("input")
    # Mean and matrix never change: whitened once, not in each step
    U = whiten(first, cast(Floats2d, X.dataXd))
    losses = []
    for _ in range(n_steps):
        logits, backprop_first = project(first, U, X.lengths, is_first=True)
        backprops: list[Any] = [backprop_first]
        for layer in head.layers[1:]:
            logits, backprop = layer.begin_update(logits)
            backprops.append(backprop)
        loss, gradient = softmax_loss(logits, Y, weights)
        for backprop in reversed(backprops):
            gradient = backprop(gradient)
        pull_back(head)
        head.finish_update(sgd)
        sgd.step_schedules()
        losses.append(loss)
    return losses
