"""What the stages share of Hugging Face encoders: load, find layers, freeze.

Torch, transformers and thinc, no spaCy.
"""

from .encoder import Encoder
from .fork import mind_fork
from .layers import find_layers, find_shared, take_layers
from .load import (
    list_tokenizer_files,
    load_config,
    load_model,
    load_tokenizer,
    pooling_layer_option,
)
from .positions import count_positions
from .projection import load_projection, make_projection, project, save_projection
from .update import update_in_place

__all__ = [
    "Encoder",
    "count_positions",
    "find_layers",
    "find_shared",
    "list_tokenizer_files",
    "load_config",
    "load_model",
    "load_projection",
    "load_tokenizer",
    "make_projection",
    "mind_fork",
    "pooling_layer_option",
    "project",
    "save_projection",
    "take_layers",
    "update_in_place",
]
