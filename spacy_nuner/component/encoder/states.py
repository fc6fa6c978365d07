"""An encoder whose output joins chosen hidden states, with gradient through all."""

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...errors import Errors
from ...hf import Encoder, find_layers
from ..settings import check_choice

Join = Literal["concat", "mean", "mix"]
JOINS = ("concat", "mean", "mix")


class JoinedStates(Encoder):
    """A Hugging Face encoder that gives several of its layers as one vector.

    The authors of NuNER advise to join the last layer with the top of the frozen half
    (model card of NuNER-v1.0, the "two emb trick"): what pre-training learned beside
    what the base encoder knew.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        layers: Sequence[int],
        join: Join,
        n_frozen_layers: int = 0,
        freeze_embeddings: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        """Wrap an encoder.

        model (PreTrainedModel): The encoder, a plain Hugging Face model.
        layers (Sequence[int]): Hidden states to join, from 0 (embeddings) to the number
            of layers; negative ones count from the top.
        join (Join): "concat"; "mean"; "mix": a learned weighted sum, which starts as
            the mean.
        n_frozen_layers (int): Layers that are not trained, from the bottom.
        freeze_embeddings (bool): Whether the embeddings are not trained either.
        gradient_checkpointing (bool): Compute activations again in the backward pass
            instead of keeping them: less memory, a third more time.
        RAISES (ValueError): For layers or a join that the encoder does not have.
        """
        super().__init__(
            model, n_frozen_layers=n_frozen_layers, freeze_embeddings=freeze_embeddings
        )
        self.layers = resolve_layers(layers, len(find_layers(model)))
        check_choice("join", join, JOINS)
        self.join = join
        if join == "mix":
            # (n_states,), before the softmax
            self.mix = nn.Parameter(torch.zeros(len(self.layers)))
        if gradient_checkpointing:
            # The other implementation loses the gradient above frozen embeddings
            model.gradient_checkpointing_enable({"use_reentrant": False})

    @property
    def width(self) -> int:
        """Width of the joined vectors."""
        n_states = len(self.layers) if self.join == "concat" else 1
        return n_states * cast(int, self.model.config.hidden_size)

    @property
    def is_frozen(self) -> bool:
        """Whether no parameter is trained."""
        return not any(p.requires_grad for p in self.parameters())

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode one padded group of windows.

        ids (Tensor): Sub-token ids, (n_windows, length).
        mask (Tensor): 1 where there is a sub-token, (n_windows, length).
        RETURNS (Tensor): The joined states, (n_windows, length, width).
        """
        n_layers = self.model.config.num_hidden_layers
        inner = any(layer < n_layers for layer in self.layers)
        output = self.model(
            input_ids=ids, attention_mask=mask, output_hidden_states=inner
        )
        # Some families normalise the last state after it has been recorded
        states = [
            output.hidden_states[layer]
            if layer < n_layers
            else output.last_hidden_state
            for layer in self.layers
        ]
        if len(states) == 1:
            return states[0]
        if self.join == "concat":
            return torch.cat(states, dim=-1)
        stacked = torch.stack(states)  # (n_states, n_windows, length, hidden)
        if self.join == "mean":
            return stacked.mean(0)
        return torch.tensordot(self.mix.softmax(0), stacked, dims=1)


def resolve_layers(layers: Sequence[int], n_layers: int) -> tuple[int, ...]:
    """Turn negative indices of hidden states into positive ones, each once.

    layers (Sequence[int]): Indices; 0 embeddings, -1 or n_layers the last layer.
    n_layers (int): Layers of the encoder.
    RETURNS (tuple[int, ...]): The indices, in the given order.
    RAISES (ValueError): For none, or an index that does not exist.
    """
    for layer in layers:
        if not -n_layers - 1 <= layer <= n_layers:
            raise ValueError(Errors.N415.format(last=n_layers, layer=layer))
    found = tuple(dict.fromkeys(i % (n_layers + 1) for i in layers))
    if not found:
        raise ValueError(Errors.N415.format(last=n_layers, layer="none"))
    return found
