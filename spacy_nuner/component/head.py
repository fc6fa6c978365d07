"""The classifier on top of the encoder: one linear layer, or two with dropout."""

from collections.abc import Callable
from typing import cast

from thinc.api import Dropout, Model, Relu, chain
from thinc.types import Floats1d, Floats2d

InT = Floats2d  # (n_tokens, width)
OutT = Floats2d  # (n_tokens, n_tags)
HeadT = Model[Floats2d, Floats2d]


def build_head(hidden_width: int | None = None) -> HeadT:
    """Build the head; `fit.start_head` gives it dimensions and weights.

    Linear for the frozen encoder of Section 4.1, two layers with dropout for the
    fine-tuning of Section 6. The rate of the dropout is that of `training.dropout`.

    hidden_width (int | None): Units of the hidden layer, None for a linear head.
    RETURNS (Model[Floats2d, Floats2d]): Token vectors to logits. It has the refs
        "standardise", "output" and, with two layers, "hidden".
    """
    standardise: HeadT = Model(
        "standardise", _forward_standardise, params={"mean": None, "scale": None}
    )
    output: HeadT = Model(
        "anchored_linear",
        _forward_linear,
        dims={"nO": None, "nI": None},
        params={"W": None, "b": None, "W0": None, "b0": None},
        attrs={"pull": 0.0},
    )
    head: HeadT
    if hidden_width is None:
        head = chain(standardise, output)
    else:
        hidden: HeadT = Relu(nO=hidden_width)
        dropout: HeadT = Dropout()
        head = chain(standardise, hidden, dropout, output)
        head.set_ref("hidden", hidden)
    head.set_ref("standardise", standardise)
    head.set_ref("output", output)
    return head


def _forward_standardise(
    model: HeadT, X: InT, is_train: bool
) -> tuple[InT, Callable[[InT], InT]]:
    # No gradient is ever stored for mean and scale, so no optimizer changes them
    mean = model.get_param("mean")  # (width,)
    scale = model.get_param("scale")  # (1,)

    def backprop(dY: InT) -> InT:
        return dY / scale

    return (X - mean) / scale, backprop


def _forward_linear(
    model: HeadT, X: InT, is_train: bool
) -> tuple[OutT, Callable[[OutT], InT]]:
    W = cast(Floats2d, model.get_param("W"))  # (n_tags, n_in)
    Y = model.ops.gemm(X, W, trans2=True)
    Y += cast(Floats1d, model.get_param("b"))

    def backprop(dY: OutT) -> InT:
        model.inc_grad("W", model.ops.gemm(dY, X, trans1=True))
        model.inc_grad("b", dY.sum(axis=0))
        return model.ops.gemm(dY, W)

    return Y, backprop
