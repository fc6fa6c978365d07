"""What the stages share of Hugging Face encoders: load, find layers, freeze.

Torch and transformers, no spaCy.
"""

import inspect
from pathlib import Path
from typing import Any, cast

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

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode one padded group.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        RETURNS (Tensor): The last hidden state, (n_texts, length, width).
        """
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state


def find_layers(model: PreTrainedModel) -> nn.ModuleList:
    """Find the stack of layers of an encoder.

    model (PreTrainedModel): The encoder.
    RETURNS (nn.ModuleList): Its layers, from the bottom.
    RAISES (ValueError): If the model is built in a way that is not known here.
    """
    for name in LAYERS:
        layers: Any = model
        for part in name.split("."):
            layers = getattr(layers, part, None)
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
