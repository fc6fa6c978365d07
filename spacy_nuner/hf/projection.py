"""The linear layer that joins a concept encoder to a text encoder of another width."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import Errors

# It lies beside the weights of the concept encoder
FILE_NAME = "projection.safetensors"


def load_projection(encoder: str | Path, *, width: int) -> nn.Linear | None:
    """Load what comes behind a concept encoder.

    encoder (str | Path): Folder of the concept encoder, or a name on the hub.
    width (int): Width of the concept encoder.
    RETURNS (nn.Linear | None): From the concept encoder's width to the text encoder's;
        None: there is no such file, both have the same width.
    RAISES (ValueError): If the file is damaged, or belongs to another encoder.
    """
    path = Path(encoder) / FILE_NAME
    if not path.is_file():
        return None
    try:
        return make_projection(load_file(path), width=width)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(Errors.N352.format(path=path, error=error)) from None


def make_projection(weights: dict[str, Tensor], *, width: int) -> nn.Linear:
    """Make a linear layer of its weights.

    weights (dict[str, Tensor]): "weight", (n_out, n_in), and "bias", (n_out,).
    width (int): The n_in that they should have.
    RETURNS (nn.Linear): The layer.
    RAISES (ValueError, KeyError, RuntimeError): If they are no such weights.
    """
    n_out, n_in = weights["weight"].shape
    if n_in != width:
        raise ValueError(
            f"it is for vectors of width {n_in}, the encoder's have {width}"
        )
    projection = nn.Linear(n_in, n_out)
    projection.load_state_dict(weights)
    return projection


def save_projection(projection: nn.Linear, folder: Path) -> None:
    """Save the layer beside a concept encoder.

    projection (nn.Linear): The layer.
    folder (Path): Folder of the concept encoder.
    """
    state = projection.state_dict()
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()},
        folder / FILE_NAME,
    )


def project(projection: nn.Linear | None, vectors: Tensor) -> Tensor:
    """Bring vectors to the text encoder's width, where that is another one.

    projection (nn.Linear | None): The layer, or None.
    vectors (Tensor): (…, concept encoder's width).
    RETURNS (Tensor): (…, text encoder's width).
    """
    return vectors if projection is None else projection(vectors)
