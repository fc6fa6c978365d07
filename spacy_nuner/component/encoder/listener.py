"""`spacy-nuner.TransformerListener.v1`: the token vectors of the `transformer`."""

from collections.abc import Callable
from typing import Any, cast

from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from spacy_transformers.layers import TransformerListener
from thinc.api import Model
from thinc.types import Floats2d
from transformers.file_utils import ModelOutput

from ...errors import Errors

InT = list[Doc]
OutT = list[Floats2d]  # per doc (n_tokens, width)


def build_transformer_listener(
    grad_factor: float = 1.0, upstream: str = "*"
) -> Model[list[Doc], list[Floats2d]]:
    """Connect to a `transformer` with the model `spacy-nuner.TransformerModel.v1`.

    That model gives one vector per token, so there is nothing to pool and nothing to
    copy. (With a model of spacy-transformers itself use its own listener.)

    grad_factor (float): Factor on the gradient that goes to the transformer.
    upstream (str): Name of the transformer, "*" for any.
    RETURNS (Model[list[Doc], list[Floats2d]]): Docs to token vectors.
    """
    listener = TransformerListener(upstream_name=upstream)
    model: Model[list[Doc], list[Floats2d]] = Model(
        "token_vectors", forward, layers=[listener], attrs={"grad_factor": grad_factor}
    )
    model.set_ref("listener", listener)
    return model


def forward(
    model: Model[InT, OutT], docs: InT, is_train: bool
) -> tuple[OutT, Callable[[OutT], InT]]:
    listener = model.get_ref("listener")
    datas, backprop_listener = listener(docs, is_train)
    width = listener.get_dim("nO")
    empty = model.ops.alloc2f(0, width)
    vectors = [
        get_vectors(data, len(doc)) if len(doc) else empty
        for doc, data in zip(docs, datas, strict=True)
    ]

    def backprop(d_vectors: OutT) -> InT:
        factor = model.attrs["grad_factor"]
        gradients = [
            TransformerData(
                wordpieces=WordpieceBatch.empty(),
                model_output=ModelOutput(last_hidden_state=(factor * dY)[None]),
                align=data.align,
            )
            for data, dY in zip(datas, d_vectors, strict=True)
            if len(dY)
        ]
        return cast(InT, backprop_listener(gradients))

    return vectors, backprop


def get_vectors(data: TransformerData, n_tokens: int) -> Floats2d:
    """Take the vectors out of a transformer's output.

    data (TransformerData): The output for a doc.
    n_tokens (int): Tokens of the doc.
    RETURNS (Floats2d): (n_tokens, width).
    RAISES (ValueError): If they are not one per token.
    """
    output: Any = data.model_output
    states = output.get("last_hidden_state")
    if states is None or states.shape[:2] != (1, n_tokens):
        raise ValueError(Errors.N414)
    return states[0]
