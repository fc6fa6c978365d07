"""What a saved encoder is made of, and what an encoder folder says of itself."""

import gc
from pathlib import Path
from typing import Any

import safetensors.torch
import srsly
from safetensors import SafetensorError

from ...errors import Errors
from ...hf import find_layers
from ..record import FILE_NAME, read_record
from .states import JoinedStates


def read_saved(bytes_data: bytes) -> dict[str, Any]:
    """Unpack what an encoder was saved as.

    bytes_data (bytes): From `EncoderShim.to_bytes`.
    RETURNS (dict[str, Any]): The parts; nothing for an encoder that was never read.
    RAISES (ValueError): If it can't be read, or a part is missing.
    """
    data = unpack(bytes_data, "what the shim saved")
    expected = {"config", "layers", "tokenizer", "weights"}
    missing = expected - set(data) if data else set()
    if missing:
        raise ValueError(Errors.N423.format(problem=f"no {', '.join(sorted(missing))}"))
    return data


def unpack(bytes_data: bytes, what: str) -> dict[str, Any]:
    """Unpack a msgpack record.

    bytes_data (bytes): The record.
    what (str): What it is, for the error.
    RETURNS (dict[str, Any]): Its content.
    RAISES (ValueError): If it is none, for instance because it was cut.
    """
    try:
        data = srsly.msgpack_loads(bytes_data)
    except (ValueError, TypeError) as error:
        # srsly switches it off and then does not come to switch it on again
        gc.enable()
        problem = f"{what} can't be read ({error})"
        raise ValueError(Errors.N423.format(problem=problem)) from None
    if not isinstance(data, dict):
        problem = f"{what} is no record but {type(data).__name__}"
        raise ValueError(Errors.N423.format(problem=problem))
    return data


def load_weights(encoder: JoinedStates, weights: bytes) -> None:
    """Put weights into an encoder; all of them, and no others.

    encoder (JoinedStates): The encoder.
    weights (bytes): In the format of safetensors.
    RAISES (ValueError): If some are missing, unknown or of another shape.
    """
    try:
        tensors = safetensors.torch.load(weights)
    except SafetensorError as error:
        raise ValueError(Errors.N423.format(problem=error)) from None
    expected = encoder.state_dict()
    problems = [f"'{name}' is missing" for name in expected if name not in tensors]
    for name, tensor in tensors.items():
        if name not in expected:
            problems.append(f"'{name}' is unknown")
        elif tensor.shape != expected[name].shape:
            got, wanted = tuple(tensor.shape), tuple(expected[name].shape)
            problems.append(f"'{name}' has the shape {got}, expected is {wanted}")
    if problems:
        raise ValueError(Errors.N423.format(problem="; ".join(problems[:5])))
    encoder.load_state_dict(tensors)


def default_layers(folder: Path, n_layers: int) -> tuple[int, ...]:
    """The layers to join where the config does not say: as the encoder was trained.

    folder (Path): Encoder folder.
    n_layers (int): Its number of layers.
    RETURNS (tuple[int, ...]): The middle layer, or the highest frozen one above it by
        the record in `nuner.json`, and the last layer; the last alone of an encoder
        without a record.
    RAISES (ValueError): If the record is damaged.
    """
    file = folder / FILE_NAME
    record = read_record(file) if file.is_file() else {}
    if "n_frozen_layers" not in record:
        return (n_layers,)
    middle = max(int(record["n_frozen_layers"]), n_layers // 2)
    return (middle, n_layers) if 0 < middle < n_layers else (n_layers,)


def measure_depths(encoder: JoinedStates) -> dict[str, int]:
    """Count the layers above each parameter.

    encoder (JoinedStates): The encoder.
    RETURNS (dict[str, int]): Depth of each parameter: 0 in the last layer and beside
        the layers, n_layers in the embeddings.
    """
    layers = find_layers(encoder.model)
    depths: dict[int, int] = {}
    for i, layer in enumerate(layers):
        depths |= {id(p): len(layers) - 1 - i for p in layer.parameters()}
    embeddings = encoder.model.get_submodule("embeddings")
    depths |= {id(p): len(layers) for p in embeddings.parameters()}
    return {name: depths.get(id(p), 0) for name, p in encoder.named_parameters()}
