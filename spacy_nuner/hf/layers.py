"""Where the layers of each family of encoders are."""

import copy
from typing import Any, cast

from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import Errors

# BERT, RoBERTa, XLM-R, DeBERTa; ModernBERT; DistilBERT
LAYERS = ("encoder.layer", "layers", "transformer.layer")
# ModernBERT's
FINAL_NORMS = ("final_norm",)


def find_layers(model: PreTrainedModel) -> nn.ModuleList:
    """Find the stack of layers of an encoder.

    model (PreTrainedModel): The encoder.
    RETURNS (nn.ModuleList): Its layers, from the bottom.
    RAISES (ValueError): If the model is built in a way that is not known here.
    """
    return cast(nn.ModuleList, _follow(model, _find_stack(model)))


def find_shared(model: PreTrainedModel) -> list[nn.Module]:
    """Find what all layers of an encoder use beside their input.

    DeBERTa's and MPNet's relative positions are such: if they are trained, the states
    above frozen layers change too.

    model (PreTrainedModel): The encoder.
    RETURNS (list[nn.Module]): Modules, without embeddings, layers and what comes last.
    """
    *path, last = _find_stack(model).split(".")
    if not path:
        return []
    parent = cast(nn.Module, _follow(model, ".".join(path)))
    shared = [child for name, child in parent.named_children() if name != last]
    projected = getattr(model, "embeddings_project", None)  # ELECTRA's
    return shared if projected is None else [*shared, projected]


def take_layers(model: PreTrainedModel, start: int, end: int | None) -> PreTrainedModel:
    """Make an encoder of some layers of another. All weights are shared.

    model (PreTrainedModel): The whole encoder.
    start (int): The first layer.
    end (int | None): Behind the last layer; None: to the top.
    RETURNS (PreTrainedModel): The part. The encoder itself is not changed.
    """
    layers = find_layers(model)
    part = _copy_module(model)
    parent: Any = part
    *path, last = _find_stack(model).split(".")
    for name in path:
        child = _copy_module(getattr(parent, name))
        setattr(parent, name, child)
        parent = child
    kept = list(layers)[start:end]
    if hasattr(parent, "get_rel_embedding"):  # DeBERTa's
        if start or not kept:
            # It follows the lowest layer
            parent.conv = None
        kept = kept or [Skip()]
    setattr(parent, last, nn.ModuleList(kept))
    return cast(PreTrainedModel, part)


class Skip(nn.Module):
    """Stands where DeBERTa has to have a layer and changes nothing."""

    def forward(self, states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, None]:
        return states, None


def _find_stack(model: PreTrainedModel) -> str:
    for name in LAYERS:
        is_stack = isinstance(_follow(model, name), nn.ModuleList)
        if is_stack and hasattr(model, "embeddings"):
            return name
    raise ValueError(
        Errors.N304.format(name=type(model).__name__, known=", ".join(LAYERS))
    )


def _copy_module(module: nn.Module) -> nn.Module:
    copied = copy.copy(module)
    # A shallow copy shares the dictionary of children, too
    copied._modules = dict(module._modules)
    return copied


def _follow(model: nn.Module, name: str) -> Any:
    found: Any = model
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
