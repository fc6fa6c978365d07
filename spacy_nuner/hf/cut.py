"""A smaller base encoder from a larger one: its lower layers alone.

For the effect of the model's size (the paper's Section 5.4) where only one encoder is
at hand. The lower layers were not trained to be the last ones, which a smaller encoder
of its own would have been.
"""

import shutil
from pathlib import Path

from ..errors import Errors
from .layers import find_layers
from .load import load_model

FILE_MODE = 0o644


def cut_encoder(encoder: Path, output: Path, n_layers: int) -> None:
    """Write an encoder folder with the lower layers of another one.

    encoder (Path): Encoder folder.
    output (Path): Folder to make.
    n_layers (int): How many layers to keep.
    RAISES (ValueError): If the encoder has not so many, or the folder is there.
    """
    model = load_model(str(encoder))
    layers = find_layers(model)
    if not 0 < n_layers < len(layers):
        got, most = n_layers, len(layers) - 1
        raise ValueError(Errors.N008.format(path=encoder, got=got, most=most))
    if output.exists():
        raise ValueError(Errors.N009.format(path=output))
    del layers[n_layers:]
    model.config.num_hidden_layers = n_layers
    beside = output.with_name(output.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(beside, safe_serialization=True)
    for path in encoder.iterdir():
        # Of the tokenizer
        if path.is_file() and not (beside / path.name).exists():
            shutil.copy(path, beside)
    for path in beside.iterdir():
        path.chmod(FILE_MODE)
    beside.rename(output)
