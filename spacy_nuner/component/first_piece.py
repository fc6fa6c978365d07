"""Pooling of sub-token vectors into token vectors: the first piece of each token."""

from collections.abc import Callable
from typing import Any, cast

from thinc.api import Model
from thinc.types import Floats2d, Ragged

InT = Ragged  # sub-token vectors, lengths[i]: pieces of token i
OutT = Floats2d  # (n_tokens, width)


def build_first_piece() -> Model[InT, OutT]:
    """Represent each token by its first sub-token, a token without any by zeros.

    thinc's `reduce_first.v1` refuses empty sequences, but white space, characters
    that a tokenizer drops and tokens past the encoder's window have no pieces.

    RETURNS (Model[Ragged, Floats2d]): The pooling layer.
    """
    return Model("first_piece", forward)


def forward(
    model: Model[InT, OutT], Xr: InT, is_train: bool
) -> tuple[OutT, Callable[[OutT], InT]]:
    X = cast(Floats2d, Xr.dataXd)  # (n_pieces, width)
    lengths = Xr.lengths
    xp: Any = model.ops.xp
    filled = xp.flatnonzero(lengths > 0)
    first = (lengths.cumsum() - lengths)[filled]
    Y = model.ops.alloc2f(len(lengths), X.shape[1])
    Y[filled] = X[first]

    def backprop(dY: OutT) -> InT:
        dX = model.ops.alloc2f(*X.shape)
        dX[first] = dY[filled]
        return Ragged(dX, lengths)

    return Y, backprop
