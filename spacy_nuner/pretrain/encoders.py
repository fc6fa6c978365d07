"""The two encoders of pre-training: torch modules around Hugging Face models."""

import hashlib
import inspect
from pathlib import Path
from typing import Literal, cast

import torch
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

from ..errors import Errors

Pooling = Literal["cls", "mean"]


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


class TextEncoder(Encoder):
    """Texts to one vector per valid sub-token: NuNER, the network of interest."""

    def forward(self, ids: Tensor, mask: Tensor, rows: Tensor) -> Tensor:
        """Encode a batch and keep the rows that are scored.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        rows (Tensor): Flat positions of the valid sub-tokens, (n_tokens,).
        RETURNS (Tensor): (n_tokens, width).
        """
        hidden = self.encode(ids, mask)  # (n_texts, length, width)
        return hidden.flatten(0, 1).index_select(0, rows)  # (n_tokens, width)


class ConceptEncoder(Encoder):
    """Concept names to one vector each."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        pooling: Pooling,
        n_frozen_layers: int,
        freeze_embeddings: bool,
    ) -> None:
        super().__init__(
            model,
            n_frozen_layers=n_frozen_layers,
            freeze_embeddings=freeze_embeddings,
        )
        self.pooling = pooling

    def forward(self, ids: list[Tensor], masks: list[Tensor], order: Tensor) -> Tensor:
        """Encode the concepts of a batch, group by group.

        ids (list[Tensor]): Sub-token ids of each length group, (n_group, length).
        masks (list[Tensor]): 1 where there is a sub-token, (n_group, length).
        order (Tensor): Row of each concept among the joined groups, (n_concepts,).
        RETURNS (Tensor): (n_concepts, width).
        """
        pooled = [
            pool(self.encode(group, mask), mask, self.pooling)  # (n_group, width)
            for group, mask in zip(ids, masks, strict=True)
        ]
        return torch.cat(pooled).index_select(0, order)  # (n_concepts, width)


def pool(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """Join the sub-token vectors of each text into one.

    hidden (Tensor): (n_texts, length, width).
    mask (Tensor): 1 where there is a sub-token, (n_texts, length).
    pooling (Pooling): "cls", the first sub-token, or "mean", over all, special
        sub-tokens included, as in sentence-transformers.
    RETURNS (Tensor): (n_texts, width).
    """
    if pooling == "cls":
        return hidden[:, 0]  # (n_texts, width)
    weights = mask.unsqueeze(-1).to(hidden.dtype)  # (n_texts, length, 1)
    return (hidden * weights).sum(1) / weights.sum(1)  # (n_texts, width)


def find_layers(model: PreTrainedModel) -> nn.ModuleList:
    """Find the stack of layers of an encoder.

    model (PreTrainedModel): The encoder.
    RETURNS (nn.ModuleList): Its layers, from the bottom.
    RAISES (ValueError): If the model is not built like BERT or RoBERTa.
    """
    layers = getattr(getattr(model, "encoder", None), "layer", None)
    if not isinstance(layers, nn.ModuleList) or not hasattr(model, "embeddings"):
        raise ValueError(Errors.N304.format(name=type(model).__name__))
    return layers


def load_model(encoder: str, *, dropout: float | None = None) -> PreTrainedModel:
    """Load a base encoder without its pooling layer.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    dropout (float | None): Dropout of hidden states and attention; None: the encoder's
        own.
    RETURNS (PreTrainedModel): The encoder, in evaluation mode.
    RAISES (ValueError): If there is no such encoder.
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
        return AutoModel.from_pretrained(encoder, config=config, **options)
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


def get_encoder_digest(encoder: str) -> str:
    """Identify a base encoder by its weights and configuration.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    RETURNS (str): SHA-256, or the name for an encoder of the hub.
    """
    folder = Path(encoder)
    if not folder.is_dir():
        return encoder
    state = hashlib.sha256()
    weights = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.bin"))
    for path in (folder / "config.json", *weights):
        with path.open("rb") as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    return state.hexdigest()


def set_num_threads(n_threads: int) -> None:
    """Set how many threads torch works with.

    n_threads (int): Threads of one operation.
    """
    torch.set_num_threads(n_threads)
