"""A listener that takes a chosen layer of a frozen encoder, not only the last one."""

from collections.abc import Callable

from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData
from spacy_transformers.layers import TransformerListener, trfs2arrays
from thinc.api import Model
from thinc.types import Floats2d, Ragged
from transformers.file_utils import ModelOutput

from ..errors import Errors

InT = list[Doc]
OutT = list[Floats2d]  # per doc (n_tokens, width)


def build_hidden_states_listener(
    pooling: Model[Ragged, Floats2d],
    layer: int = -1,
    grad_factor: float = 1.0,
    upstream: str = "*",
) -> Model[list[Doc], list[Floats2d]]:
    """Connect to a `transformer` and take the vectors of one of its layers.

    For base encoders, whose last layer is often not their best. The transformer needs
    transformer_config = {"output_hidden_states": true}. It can be trained through the
    last layer only: the others are for a frozen one.

    pooling (Model[Ragged, Floats2d]): Sub-token vectors to token vectors.
    layer (int): Index into the hidden states: 0 embeddings, 1 first layer, -1 last.
    grad_factor (float): Factor on the gradients passed to the transformer.
    upstream (str): Name of the transformer, "*" for any.
    RETURNS (Model[list[Doc], list[Floats2d]]): Docs to one vector per token.
    """
    listener = TransformerListener(upstream_name=upstream)
    model: Model[list[Doc], list[Floats2d]] = Model(
        "hidden_states_listener",
        forward,
        layers=[listener, trfs2arrays(pooling, grad_factor)],
        attrs={"layer": layer},
    )
    model.set_ref("listener", listener)
    return model


def forward(
    model: Model[InT, OutT], docs: InT, is_train: bool
) -> tuple[OutT, Callable[[OutT], InT]]:
    listener, pool = model.get_ref("listener"), model.layers[1]
    layer = model.attrs["layer"]
    datas, backprop_listener = listener(docs, is_train)
    selected = [select_layer(data, layer) for data in datas]
    # A transformer in training has handed its own backprop to the listener
    if is_train and getattr(listener, "_backprop", None) is not None:
        for data in datas:
            states = data.model_output.get("hidden_states", ())
            if layer not in (-1, len(states) - 1):
                raise ValueError(Errors.N416.format(layer=layer))
    Y, backprop_pool = pool(selected, is_train)

    def backprop(dY: OutT) -> InT:
        return backprop_listener(backprop_pool(dY))

    return Y, backprop


def select_layer(data: TransformerData, layer: int) -> TransformerData:
    """Put one hidden state in the place of the last.

    data (TransformerData): The transformer's output for a doc.
    layer (int): Index into the hidden states.
    RETURNS (TransformerData): The same with that state only; an empty doc as it is.
    RAISES (ValueError): If there are no hidden states, or not that one.
    """
    if "last_hidden_state" not in data.model_output:
        return data
    states = data.model_output.get("hidden_states")
    if states is None:
        raise ValueError(Errors.N414)
    if not -len(states) <= layer < len(states):
        raise ValueError(Errors.N415.format(first=0, last=len(states) - 1, layer=layer))
    return TransformerData(
        wordpieces=data.wordpieces,
        model_output=ModelOutput(last_hidden_state=states[layer]),
        align=data.align,
    )
