"""A linear layer over a token and its two neighbours, with whitened inputs.

    u_i = M (x_i - m)                                    whitened, (width,)
    y_i = A u_i + w (B u_{i-1} + C u_{i+1}) + b          (n_out,)

u is zero beyond the ends of a text, and for white space, which has no vector (x = 0).
A, B and C stand below each other in the parameter W, (n_views * n_out, width), so that
one matrix product serves all three; the products are shifted afterwards, which is
cheaper than to shift the inputs, since n_out is small.
"""

from collections.abc import Callable
from typing import Any, cast

from thinc.api import Model, get_array_module
from thinc.types import Floats1d, Floats2d, Ints1d, Ragged

InT = Ragged  # token vectors, (n_tokens, width), and the lengths of the texts
OutT = Floats2d  # (n_tokens, n_out)
BackpropT = Callable[[Floats2d], Floats2d]
WindowLinear = Model[Ragged, Floats2d]


def build_window_linear(n_views: int, weight: float) -> WindowLinear:
    """Build the layer; `start` in `fit.py` gives it dimensions and weights.

    n_views (int): 3 for a token and its neighbours, 1 for the token alone.
    weight (float): What the neighbours are multiplied with. Below 1, a pull on their
        weights holds them back more than those of the token itself.
    RETURNS (Model[Ragged, Floats2d]): The layer.
    """
    return Model(
        "window_linear",
        _forward,
        dims={"nO": None, "nI": None},
        params={
            "W": None,  # (n_views * nO, nI)
            "b": None,  # (nO,)
            "W0": None,  # where W started
            "b0": None,
            "mean": None,  # (nI,)
            "whiten": None,  # (nI,) or (nI, nI); never trained, like the mean
        },
        attrs={"n_views": n_views, "weight": weight, "pull": 0.0},
    )


def _forward(
    model: WindowLinear, Xr: InT, is_train: bool
) -> tuple[OutT, Callable[[OutT], InT]]:
    X = cast(Floats2d, Xr.dataXd)
    M: Any = model.get_param("whiten")
    W: Any = model.get_param("W")
    if not is_train or len(W) < len(X):
        return _forward_folded(model, Xr)
    Y, backprop_project = project(model, whiten(model, X), Xr.lengths)

    def backprop(dY: OutT) -> InT:
        dU = backprop_project(dY)
        return Ragged(dU * M if M.ndim == 1 else model.ops.gemm(dU, M), Xr.lengths)

    return Y, backprop


def _forward_folded(model: WindowLinear, Xr: InT) -> tuple[OutT, Callable[[OutT], InT]]:
    """With whitening taken into the weights: for more tokens than outputs.

    A frozen encoder's vectors come again in each step, and to whiten all of them each
    time would take longer than the rest of the step.
    """
    ops, X, lengths = model.ops, cast(Floats2d, Xr.dataXd), Xr.lengths
    W: Any = model.get_param("W")
    M: Any = model.get_param("whiten")
    mean: Any = model.get_param("mean")
    folded = W * M if M.ndim == 1 else ops.gemm(W, M)  # (n_views * n_out, width)
    absent = _find_absent(X)
    Z: Any = ops.gemm(X, folded, trans2=True)
    Z -= folded @ mean
    Z[absent] = 0.0
    Y = _add_views(model, Z, lengths)
    Y += cast(Floats1d, model.get_param("b"))

    def backprop(dY: OutT) -> InT:
        dZ: Any = _spread_views(model, dY, lengths)
        dZ[absent] = 0.0
        d_folded: Any = ops.gemm(dZ, X, trans1=True)
        d_folded -= dZ.sum(axis=0)[:, None] * mean
        dW = d_folded * M if M.ndim == 1 else ops.gemm(d_folded, M, trans2=True)
        model.inc_grad("W", dW)
        model.inc_grad("b", dY.sum(axis=0))
        return Ragged(ops.gemm(dZ, folded), lengths)

    return Y, backprop


def _find_absent(X: Floats2d) -> Ints1d:
    """RETURNS (Ints1d): The rows that are zero; most are told by a few columns."""
    rows = get_array_module(X).flatnonzero(~X[:, :8].any(axis=1))
    return rows[~X[rows].any(axis=1)]


def whiten(model: WindowLinear, X: Floats2d) -> Floats2d:
    """Whiten inputs: U = (X - m) M^T; white space, which has no vector, stays zero.

    model (Model): The layer.
    X (Floats2d): (n_tokens, width).
    RETURNS (Floats2d): (n_tokens, width).
    """
    M: Any = model.get_param("whiten")
    centred: Any = X - model.get_param("mean")
    centred[_find_absent(X)] = 0.0
    if M.ndim == 1:
        return centred * M
    return model.ops.gemm(centred, M, trans2=True)


def project(
    model: WindowLinear, U: Floats2d, lengths: Ints1d, *, is_first: bool = False
) -> tuple[Floats2d, BackpropT]:
    """The layer on inputs that are whitened already, with its gradient.

    model (Model): The layer.
    U (Floats2d): Whitened inputs, (n_tokens, width).
    lengths (Ints1d): Tokens per text.
    is_first (bool): Whether nobody wants the gradient of U: backprop gives it back as
        it came.
    RETURNS (tuple[Floats2d, Callable]): Outputs, (n_tokens, n_out); the function from
        their gradient to that of U, which also stores those of W and b.
    """
    W = cast(Floats2d, model.get_param("W"))
    Z = model.ops.gemm(U, W, trans2=True)  # (n_tokens, n_views * n_out)
    Y = _add_views(model, Z, lengths)
    Y += cast(Floats1d, model.get_param("b"))

    def backprop(dY: Floats2d) -> Floats2d:
        dZ = _spread_views(model, dY, lengths)
        model.inc_grad("W", model.ops.gemm(dZ, U, trans1=True))
        model.inc_grad("b", dY.sum(axis=0))
        return dY if is_first else model.ops.gemm(dZ, W)

    return Y, backprop


def _add_views(model: WindowLinear, Z: Floats2d, lengths: Ints1d) -> Floats2d:
    n_out = model.get_dim("nO")
    Y = Z[:, :n_out].copy()
    if model.attrs["n_views"] == 1 or len(Z) < 2:
        return Y
    weight = model.attrs["weight"] * _follows(lengths)
    Y[1:] += weight * Z[:-1, n_out : 2 * n_out]
    Y[:-1] += weight * Z[1:, 2 * n_out :]
    return Y


def _spread_views(model: WindowLinear, dY: Floats2d, lengths: Ints1d) -> Floats2d:
    n_out, n_views = model.get_dim("nO"), model.attrs["n_views"]
    dZ = model.ops.alloc2f(len(dY), n_views * n_out)
    dZ[:, :n_out] = dY
    if n_views == 1 or len(dY) < 2:
        return dZ
    weight = model.attrs["weight"] * _follows(lengths)
    dZ[:-1, n_out : 2 * n_out] = weight * dY[1:]
    dZ[1:, 2 * n_out :] = weight * dY[:-1]
    return dZ


def _follows(lengths: Ints1d) -> Floats2d:
    """1 where a token and the next one are of one text, else 0; (n_tokens - 1, 1)."""
    xp: Any = get_array_module(lengths)
    text = xp.repeat(xp.arange(len(lengths)), lengths)
    return (text[1:] == text[:-1]).astype("float32")[:, None]
