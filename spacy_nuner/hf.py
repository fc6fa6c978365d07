"""What the stages share of Hugging Face encoders: load, find layers, freeze.

Torch, transformers and thinc, no spaCy.
"""

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from thinc.api import Optimizer
from thinc.types import FloatsXd
from thinc.util import torch2xp, xp2torch
from torch import Tensor, nn
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from .errors import Errors

# Where layers are: BERT, RoBERTa, XLM-R, DeBERTa; ModernBERT; DistilBERT
LAYERS = ("encoder.layer", "layers", "transformer.layer")
# ModernBERT's
FINAL_NORMS = ("final_norm",)


class Encoder(nn.Module):
    """A Hugging Face encoder whose lower part can be frozen.

    Frozen modules take no gradient, so torch records no graph for them, and they stay
    in evaluation mode while the rest trains: their output does not change from epoch to
    epoch.
    """

    def __init__(
        self, model: PreTrainedModel, *, n_frozen_layers: int, freeze_embeddings: bool
    ) -> None:
        super().__init__()
        self.model = model
        self.n_frozen_layers = n_frozen_layers
        layers = find_layers(model)
        if not 0 <= n_frozen_layers <= len(layers):
            raise ValueError(
                Errors.N305.format(got=n_frozen_layers, n_layers=len(layers))
            )
        # A plain list: registered twice, a module would be saved twice
        self._frozen: list[nn.Module] = list(layers[:n_frozen_layers])
        if freeze_embeddings:
            self._frozen.append(model.get_submodule("embeddings"))
        for module in self._frozen:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> "Encoder":
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    @property
    def can_split(self) -> bool:
        """Whether the frozen part is a bottom part, whose states can be kept."""
        return not any(
            p.requires_grad for p in self.model.get_submodule("embeddings").parameters()
        )

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode one padded group.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        RETURNS (Tensor): The last hidden state, (n_texts, length, width).
        """
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state

    def encode_frozen(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode with the frozen part alone: embeddings and bottom layers.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        RETURNS (Tensor): The state above it, (n_texts, length, width). No gradient.
        """
        part = take_layers(self.model, 0, self.n_frozen_layers).eval()
        # Some families normalise what comes out of the last layer
        for name in FINAL_NORMS:
            if hasattr(part, name):
                setattr(part, name, nn.Identity())
        with torch.no_grad():
            return part(input_ids=ids, attention_mask=mask).last_hidden_state

    def encode_rest(self, states: Tensor, mask: Tensor) -> Tensor:
        """Go on from where `encode_frozen` stopped.

        states (Tensor): State above the frozen part, (n_texts, length, width).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        RETURNS (Tensor): The last hidden state, (n_texts, length, width).
        """
        part = take_layers(self.model, self.n_frozen_layers, None)
        part.embeddings = Given(states)
        ids = mask.new_zeros(mask.shape)
        return part(input_ids=ids, attention_mask=mask).last_hidden_state


class Given(nn.Module):
    """Stands where the embeddings were and gives states that are known."""

    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.states


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
    *path, last = next(name for name in LAYERS if _follow(model, name) is layers).split(
        "."
    )
    for name in path:
        child = _copy_module(getattr(parent, name))
        setattr(parent, name, child)
        parent = child
    setattr(parent, last, nn.ModuleList(list(layers)[start:end]))
    return cast(PreTrainedModel, part)


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


def update_in_place(
    module: nn.Module,
    optimizer: Optimizer,
    *,
    key: int,
    lr_scales: Mapping[str, float] | None = None,
) -> None:
    """Let thinc's optimizer step on the weights of a torch module.

    thinc's own way wraps each tensor once more in each step, and the small wrappers,
    never freed, tear the heap to pieces.

    module (nn.Module): The module; its gradients are gone afterwards.
    optimizer (Optimizer): The optimizer.
    key (int): By what the optimizer knows the module.
    lr_scales (Mapping[str, float] | None): What the rate of each parameter is
        multiplied with; None: nothing.
    """
    for name, parameter in module.named_parameters():
        if parameter.grad is None:
            continue
        weights, _ = optimizer(
            (key, name),
            cast(FloatsXd, torch2xp(parameter.data)),
            cast(FloatsXd, torch2xp(parameter.grad)),
            lr_scale=1.0 if lr_scales is None else lr_scales[name],
        )
        updated = xp2torch(weights, device=parameter.device)
        if updated.data_ptr() != parameter.data_ptr():
            parameter.data.copy_(updated)
        parameter.grad = None


def find_layers(model: PreTrainedModel) -> nn.ModuleList:
    """Find the stack of layers of an encoder.

    model (PreTrainedModel): The encoder.
    RETURNS (nn.ModuleList): Its layers, from the bottom.
    RAISES (ValueError): If the model is built in a way that is not known here.
    """
    for name in LAYERS:
        layers = _follow(model, name)
        if isinstance(layers, nn.ModuleList) and hasattr(model, "embeddings"):
            return layers
    raise ValueError(
        Errors.N304.format(name=type(model).__name__, known=", ".join(LAYERS))
    )


def load_model(encoder: str, *, dropout: float | None = None) -> PreTrainedModel:
    """Load a base encoder without its pooling layer.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    dropout (float | None): Dropout of hidden states and attention; None: the encoder's
        own.
    RETURNS (PreTrainedModel): The encoder, in evaluation mode.
    RAISES (ValueError): If there is no such encoder, or it has no safetensors: other
        formats are unpickled when they are read, which can run any code.
    """
    try:
        config = AutoConfig.from_pretrained(encoder)
    except (OSError, ValueError) as error:
        raise ValueError(Errors.N302.format(path=encoder, error=error)) from None
    if dropout is not None:
        config.hidden_dropout_prob = dropout
        config.attention_probs_dropout_prob = dropout
    options = pooling_layer_option(config)
    try:
        return AutoModel.from_pretrained(
            encoder, config=config, use_safetensors=True, **options
        )
    except OSError as error:
        raise ValueError(Errors.N302.format(path=encoder, error=error)) from None


def pooling_layer_option(config: PretrainedConfig) -> dict[str, bool]:
    """Get the argument that leaves out the pooling layer, if the model knows it.

    config (PretrainedConfig): Configuration of the encoder.
    RETURNS (dict[str, bool]): Keyword arguments for AutoModel.
    """
    model_class = cast(type[PreTrainedModel], MODEL_MAPPING[type(config)])
    known = inspect.signature(model_class).parameters
    return {"add_pooling_layer": False} if "add_pooling_layer" in known else {}


def load_tokenizer(encoder: str) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer of an encoder.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    RETURNS (PreTrainedTokenizerBase): The tokenizer.
    RAISES (ValueError): If the folder has no tokenizer, or only a slow one.
    """
    folder = Path(encoder)
    # Without its files, AutoTokenizer makes an empty tokenizer for some models
    names = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model")
    if folder.is_dir() and not any((folder / name).exists() for name in names):
        raise ValueError(Errors.N303.format(path=encoder, problem="no tokenizer file"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(encoder)
    except (OSError, ValueError) as error:
        raise ValueError(Errors.N303.format(path=encoder, problem=error)) from None
    if not tokenizer.is_fast:
        raise ValueError(Errors.N303.format(path=encoder, problem="only a slow one"))
    return tokenizer
