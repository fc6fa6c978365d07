"""How many sub-tokens an encoder has positions for."""

import torch
from torch import nn
from transformers import AutoModel

from .load import load_config, pooling_layer_option


def count_positions(encoder: str) -> int | None:
    """Count the sub-tokens that an encoder can take at once, special ones included.

    Its weights are not read. What a config says of positions is no bound for encoders
    that have no table of them (DeBERTa, ModernBERT).

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    RETURNS (int | None): The longest text; None: there is no bound.
    RAISES (ValueError): If there is no such encoder.
    """
    config = load_config(encoder)
    # No memory, no random numbers
    with torch.device("meta"):
        model = AutoModel.from_config(config, **pooling_layer_option(config))
    embeddings = getattr(model, "embeddings", None)
    table = getattr(embeddings, "position_embeddings", None)
    if not isinstance(table, nn.Embedding):
        return None
    # RoBERTa's positions count from behind that of the padding
    padding = getattr(embeddings, "padding_idx", None)
    return table.num_embeddings - (0 if padding is None else int(padding) + 1)
