"""An encoder whose lower part can be frozen, and computed by itself."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..errors import Errors
from .layers import FINAL_NORMS, find_layers, find_shared, take_layers


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
        self._bottom = [model.get_submodule("embeddings"), *find_shared(model)]
        if freeze_embeddings:
            self._frozen += self._bottom
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
        return not any(p.requires_grad for m in self._bottom for p in m.parameters())

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
        if hasattr(part, "embeddings_project"):  # ELECTRA's
            part.embeddings_project = nn.Identity()
        ids = mask.new_zeros(mask.shape)
        return part(input_ids=ids, attention_mask=mask).last_hidden_state


class Given(nn.Module):
    """Stands where the embeddings were and gives states that are known."""

    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.states
