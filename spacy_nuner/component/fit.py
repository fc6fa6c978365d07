"""The arithmetic of the head: its start, its loss, its training, one more label.

All functions work on a head of `head.build_head` and on arrays; none knows of docs.
"""

from typing import NamedTuple

from thinc.api import Model, Optimizer
from thinc.types import Floats1d, Floats2d, Ints1d

from ..errors import Errors
from .head import HeadT

# Chosen on the pools of the sample sets, see docs/component.md
NONE_BIAS = 4.0
# A tag that joins later is not predicted before it has been trained
NEW_TAG_BIAS = -10.0
EPS = 1e-6


class Start(NamedTuple):
    """Where a head that does not start from nothing begins, and what holds it there."""

    rows: Floats2d  # (n_tags, width)
    biases: Floats1d  # (n_tags,)
    pull: float


def start_head(
    head: HeadT, X: Floats2d, n_tags: int, *, start: Start | None = None
) -> None:
    """Give the head its dimensions and first weights, whatever it had before.

    Without a start a linear head begins at zero: softmax regression is convex, so
    nothing is drawn at random and the order of the labels does not matter. Inputs
    are then standardised, by a mean per feature and one scale for all (base encoders
    differ by a factor of ten in the size of their vectors). A start is given in the
    space of the encoder, whose vectors are then taken as they are.

    head (Model): The head.
    X (Floats2d): Token vectors of the training set, (n_tokens, width).
    n_tags (int): Number of tags, "O" among them.
    start (Start | None): Rows and biases to begin with; only for a linear head.
    RAISES (ValueError): For a start of another shape, a start of a two-layer head,
        or no token vectors.
    """
    hidden = head.maybe_get_ref("hidden")
    if X.ndim != 2 or not X.size:
        raise ValueError(Errors.N405.format(shape=X.shape))
    if start is not None and hidden is not None:
        raise ValueError(Errors.N404)
    width = X.shape[1]
    ops = head.ops
    standardise = head.get_ref("standardise")
    output = head.get_ref("output")
    _reset(head)
    if start is None:
        mean = X.mean(axis=0, dtype="float64")
        scale = float(((X - mean) ** 2).mean(dtype="float64")) ** 0.5 + EPS
        n_in = width if hidden is None else hidden.get_dim("nO")
        rows, biases = ops.alloc2f(n_tags, n_in), ops.alloc1f(n_tags)
    else:
        mean, scale = ops.alloc1f(width), 1.0
        rows, biases = start.rows, start.biases
        if rows.shape != (n_tags, width) or biases.shape != (n_tags,):
            raise ValueError(
                Errors.N406.format(got=rows.shape, expected=(n_tags, width))
            )
    standardise.set_param("mean", ops.asarray1f(mean))
    standardise.set_param("scale", ops.asarray1f([scale]))
    if hidden is not None:
        hidden.set_dim("nI", width)
        hidden.initialize()
    output.set_dim("nI", rows.shape[1])
    _set_rows(output, rows, biases)
    output.attrs["pull"] = 0.0 if start is None else start.pull


def _reset(head: HeadT) -> None:
    """Forget weights, so that dimensions may change."""
    for node in head.walk():
        for name in node.param_names:
            node.set_param(name, None)
        if node.name == "anchored_linear":
            node.set_dim("nO", 0, force=True)
            node.set_dim("nI", 0, force=True)


def _set_rows(output: Model, rows: Floats2d, biases: Floats1d) -> None:
    output.set_dim("nO", rows.shape[0], force=True)
    for name, array in (("W", rows), ("W0", rows), ("b", biases), ("b0", biases)):
        output.set_param(name, output.ops.asarray_f(array).copy())


def softmax_loss(
    ops_logits: Floats2d, Y: Ints1d
) -> tuple[float, Floats2d]:
    raise NotImplementedError
