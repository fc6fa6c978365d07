"""The classifier on top of the encoder: one linear layer, or two with dropout.

With two, a unit per tag of the hidden layer is linear, so that the head can begin as a
linear one: `fit.start_head`. All others are rectified.
"""

from collections.abc import Callable
from typing import Any, cast

from thinc.api import Dropout, Model
from thinc.types import Floats1d, Floats2d, Ragged

from .window_linear import build_window_linear

HeadT = Model[Ragged, Floats2d]


def build_head(
    hidden_width: int | None = None, *, window: int = 1, neighbour_weight: float = 0.5
) -> HeadT:
    """Build the head; `fit.start_head` gives it dimensions and weights.

    Linear for the frozen encoder of Section 4.1, two layers with dropout for the
    fine-tuning of Section 6. The rate of the dropout is that of `training.dropout`.

    hidden_width (int | None): Units of the hidden layer, None for a linear head.
    window (int): 1 to look at a token's neighbours too, 0 for the token alone.
    neighbour_weight (float): What the neighbours' vectors are multiplied with.
    RETURNS (Model[Ragged, Floats2d]): Token vectors to logits. It has the refs "input"
        (the layer on the token vectors) and "output" (that of the logits), with two
        layers also "relu" (what is between them).
    """
    layers: list[Model] = [build_window_linear(1 + 2 * window, neighbour_weight)]
    if hidden_width is not None:
        relu: Model = Model("relu", _forward_relu, attrs={"n_linear": 0})
        layers += [relu, Dropout(), _build_anchored_linear()]
    head: HeadT = Model(
        "head", _forward_head, layers=layers, attrs={"hidden_width": hidden_width}
    )
    return _name_parts(head)


def _name_parts(head: HeadT) -> HeadT:
    head.set_ref("input", head.layers[0])
    head.set_ref("output", head.layers[-1])
    if len(head.layers) > 1:
        head.set_ref("relu", head.layers[1])
    return head


def copy_head(head: HeadT) -> HeadT:
    """RETURNS (Model[Ragged, Floats2d]): A copy; thinc's own would lack the refs."""
    return _name_parts(head.copy())


def list_layers(head: HeadT) -> list[Model]:
    """RETURNS (list[Model]): The layers with weights: one, or two if one is hidden."""
    return [layer for layer in head.layers if layer.param_names]


def _forward_head(
    model: HeadT, X: Ragged, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Ragged]]:
    Y: Any = X
    backprops = []
    for layer in model.layers:
        Y, backprop_layer = layer(Y, is_train)
        backprops.append(backprop_layer)

    def backprop(dY: Any) -> Ragged:
        for backprop_layer in reversed(backprops):
            dY = backprop_layer(dY)
        return dY

    return Y, backprop


def _forward_relu(
    model: Model, X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    n_linear = model.attrs["n_linear"]  # the first units are left as they are
    Y = model.ops.relu(X)
    Y[:, :n_linear] = X[:, :n_linear]

    def backprop(dY: Floats2d) -> Floats2d:
        dX = model.ops.backprop_relu(dY, Y)
        dX[:, :n_linear] = dY[:, :n_linear]
        return dX

    return Y, backprop


def _build_anchored_linear() -> Model[Floats2d, Floats2d]:
    """A linear layer that remembers where it started, W0 and b0."""
    return Model(
        "anchored_linear",
        _forward_linear,
        dims={"nO": None, "nI": None},
        params={"W": None, "b": None, "W0": None, "b0": None},
        attrs={"pull": 0.0},
    )


def _forward_linear(
    model: Model, X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    W = cast(Floats2d, model.get_param("W"))  # (n_tags, n_in)
    Y = model.ops.gemm(X, W, trans2=True)  # (n_tokens, n_tags)
    Y += cast(Floats1d, model.get_param("b"))

    def backprop(dY: Floats2d) -> Floats2d:
        model.inc_grad("W", model.ops.gemm(dY, X, trans1=True))
        model.inc_grad("b", dY.sum(axis=0))
        return model.ops.gemm(dY, W)

    return Y, backprop
