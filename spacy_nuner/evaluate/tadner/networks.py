"""TadNER's two networks (Li et al., 2023): span detector and type classifier."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, normalize
from transformers import PreTrainedModel

from ...hf import Encoder, find_layers
from ..metrics import Bools
from .settings import Layers, Pooling
from .words import Encoded

N_MEAN = 4


class Batch(NamedTuple):
    """Sentences that are encoded together."""

    ids: Tensor  # (n_texts, length)
    mask: Tensor  # (n_texts, length), 1 where there is a sub-token
    rows: Tensor  # (n_found,) flat positions of the words' first sub-tokens
    found: Bools  # (n_words,) which words have one


def make_batch(
    sentences: Sequence[Encoded], *, pad_id: int, device: torch.device
) -> Batch:
    """Fill sentences up to the longest of them.

    sentences (Sequence[Encoded]): The sentences, at least one.
    pad_id (int): Id of the padding sub-token.
    device (torch.device): Where the encoder is.
    RETURNS (Batch): The batch.
    """
    length = max(len(sentence.ids) for sentence in sentences)
    ids = np.full((len(sentences), length), pad_id, dtype="int64")
    mask = np.zeros((len(sentences), length), dtype="int64")
    places = []
    for i, sentence in enumerate(sentences):
        ids[i, : len(sentence.ids)] = sentence.ids
        mask[i, : len(sentence.ids)] = 1
        firsts = sentence.firsts  # (n_words of the sentence,)
        places.append(np.where(firsts < 0, -1, firsts + i * length))
    flat = np.concatenate(places)  # (n_words,)
    found = flat >= 0  # (n_words,)
    texts, valid, rows = (
        torch.from_numpy(array).to(device) for array in (ids, mask, flat[found])
    )
    return Batch(texts, valid, rows, found)


class WordEncoder(Encoder):
    """Sentences to one vector per word: that of its first sub-token."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        layers: Layers,
        pooling: Pooling,
        n_frozen_layers: int,
        freeze_embeddings: bool,
    ) -> None:
        """Wrap an encoder.

        model (PreTrainedModel): The encoder.
        layers (Layers): "last", as with NuNER in Section 4.2, or "mean4": the mean of
            the last four, as in TadNER.
        pooling (Pooling): How the sub-tokens of a name become one vector: "cls", as in
            TadNER, or their "mean".
        n_frozen_layers (int): Frozen layers, from the bottom.
        freeze_embeddings (bool): Whether the embeddings are frozen.
        """
        super().__init__(
            model,
            n_frozen_layers=n_frozen_layers,
            freeze_embeddings=freeze_embeddings,
        )
        self.layers = layers
        self.pooling = pooling
        self.width = int(model.config.hidden_size)
        # Below the lowest layer is no layer's output
        self._n_mean = min(N_MEAN, len(find_layers(model)))

    def forward(self, batch: Batch) -> Tensor:
        """Encode words.

        batch (Batch): The sentences.
        RETURNS (Tensor): Vectors of the words that have one, (n_found, width).
        """
        hidden = self.encode(batch.ids, batch.mask)  # (n_texts, length, width)
        return hidden.flatten(0, 1).index_select(0, batch.rows)  # (n_found, width)

    def encode_names(self, batch: Batch) -> Tensor:
        """Encode names of types.

        batch (Batch): The names, each a sentence.
        RETURNS (Tensor): (n_names, width).
        """
        hidden = self.encode(batch.ids, batch.mask)  # (n_names, length, width)
        if self.pooling == "cls":
            return hidden[:, 0]  # (n_names, width)
        weights = batch.mask.unsqueeze(-1).to(hidden.dtype)  # (n_names, length, 1)
        return (hidden * weights).sum(1) / weights.sum(1)  # (n_names, width)

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode one padded group.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        RETURNS (Tensor): Last hidden state or mean of the last four, (n_texts, length,
            width).
        """
        if self.layers == "last":
            return super().encode(ids, mask)
        output = self.model(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        )
        return torch.stack(output.hidden_states[-self._n_mean :]).mean(0)


class SpanDetector(nn.Module):
    """Which words are in a mention, of whatever type."""

    def __init__(self, encoder: WordEncoder, *, n_tags: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.width, n_tags)

    def forward(self, batch: Batch) -> Tensor:
        """Score the tags.

        batch (Batch): The sentences.
        RETURNS (Tensor): Logits, (n_found, n_tags).
        """
        return self.output(self.drop(self.encoder(batch)))  # (n_found, n_tags)

    def loss(self, batch: Batch, tags: Tensor) -> Tensor:
        """Cross-entropy of the tags.

        batch (Batch): The sentences.
        tags (Tensor): The right ones, (n_found,).
        RETURNS (Tensor): Mean over the words, ().
        """
        return cross_entropy(self(batch), tags)


class TypeClassifier(nn.Module):
    """Which type a mention is of, by the names of types and by examples."""

    def __init__(self, encoder: WordEncoder, *, temperature: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.temperature = temperature

    def source_loss(self, batch: Batch, names: Batch, types: Tensor) -> Tensor:
        """Type-aware contrastive loss of the source types.

        batch (Batch): The sentences.
        names (Batch): Names of the types.
        types (Tensor): Type of each word from 0, -1 outside of mentions, (n_found,).
        RETURNS (Tensor): Mean over the words of mentions, ().
        """
        inside = types >= 0  # (n_found,)
        words = self.encoder(batch)[inside]  # (n_inside, width)
        vectors = self.encoder.encode_names(names)  # (n_types, width)
        return contrast_types(
            words, vectors, types[inside], temperature=self.temperature
        )

    def support_loss(self, batch: Batch, names: Tensor, types: Tensor) -> Tensor:
        """Cross-entropy of the types, the vectors of their names held fast.

        batch (Batch): The sentences.
        names (Tensor): Vectors of the names, (n_types, width).
        types (Tensor): Type of each word from 0, -1 outside of mentions, (n_found,).
        RETURNS (Tensor): Mean over the words of mentions, ().
        """
        inside = types >= 0  # (n_found,)
        words = normalize(self.encoder(batch)[inside], dim=1)  # (n_inside, width)
        logits = words @ normalize(names, dim=1).T  # (n_inside, n_types)
        return cross_entropy(logits / self.temperature, types[inside])


def contrast_types(
    words: Tensor, names: Tensor, types: Tensor, *, temperature: float
) -> Tensor:
    """Pull each word to the name of its type and to the words of that type.

    Two words are as near as each is to the name of the other's type. Vectors have the
    length 1: the published code divides each column of the similarities by its norm
    instead, so that the temperature means something else for each size of batch.

    words (Tensor): (n_words, width).
    names (Tensor): (n_types, width).
    types (Tensor): Type of each word, (n_words,).
    temperature (float): What the similarities are divided by.
    RETURNS (Tensor): Mean over the words, ().
    """
    own = normalize(names, dim=1)[types]  # (n_words, width)
    cosines = own @ normalize(words, dim=1).T  # (n_words, n_words)
    logits = (cosines + cosines.T) / (2 * temperature)  # (n_words, n_words)
    same = (types[:, None] == types[None]).to(logits.dtype)  # (n_words, n_words)
    losses = -(log_softmax(logits, dim=1) * same).sum(1) / same.sum(1)  # (n_words,)
    return losses.mean()
