"""The two encoders of pre-training: torch modules around Hugging Face models."""

import hashlib
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ..hf import Encoder, list_tokenizer_files, project

Pooling = Literal["cls", "mean"]


class TextEncoder(Encoder):
    """Texts to one vector per valid sub-token: NuNER, the network of interest."""

    def forward(
        self, ids: Tensor, mask: Tensor, rows: Tensor, states: Tensor | None = None
    ) -> Tensor:
        """Encode a batch and keep the rows that are scored.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        rows (Tensor): Flat positions of the valid sub-tokens, (n_tokens,).
        states (Tensor | None): What the frozen part makes of the texts, where it is
            known already, (n_texts, length, width).
        RETURNS (Tensor): (n_tokens, width).
        """
        if states is None:
            hidden = self.encode(ids, mask)  # (n_texts, length, width)
        else:
            hidden = self.encode_rest(states, mask)  # (n_texts, length, width)
        return hidden.flatten(0, 1).index_select(0, rows)  # (n_tokens, width)


class ConceptEncoder(Encoder):
    """Concept names to one vector each, as wide as the text encoder's."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        pooling: Pooling,
        n_frozen_layers: int,
        freeze_embeddings: bool,
        width: int | None = None,
        projection: nn.Linear | None = None,
    ) -> None:
        """Wrap an encoder.

        model (PreTrainedModel): The encoder.
        pooling (Pooling): How a concept's sub-tokens become one vector.
        n_frozen_layers (int): Frozen layers, from the bottom.
        freeze_embeddings (bool): Whether the embeddings are frozen.
        width (int | None): Width of the text encoder's vectors; a projection joins the
            two where they differ. None: the same.
        projection (nn.Linear | None): One that was trained before; it is used if its
            widths are right.
        """
        super().__init__(
            model,
            n_frozen_layers=n_frozen_layers,
            freeze_embeddings=freeze_embeddings,
        )
        self.pooling = pooling
        own = int(model.config.hidden_size)
        self.projection: nn.Linear | None = None
        if width not in (None, own):
            fits = projection is not None and projection.out_features == width
            self.projection = projection if fits else nn.Linear(own, width)

    def forward(self, ids: list[Tensor], masks: list[Tensor], order: Tensor) -> Tensor:
        """Encode the concepts of a batch, group by group.

        ids (list[Tensor]): Sub-token ids of each length group, (n_group, length).
        masks (list[Tensor]): 1 where there is a sub-token, (n_group, length).
        order (Tensor): Row of each concept among the joined groups, (n_concepts,).
        RETURNS (Tensor): (n_concepts, width).
        """
        pooled = [
            pool(self.encode(group, mask), mask, self.pooling)  # (n_group, own width)
            for group, mask in zip(ids, masks, strict=True)
        ]
        joined = torch.cat(pooled).index_select(0, order)  # (n_concepts, own width)
        return project(self.projection, joined)  # (n_concepts, width)


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


def get_encoder_digest(encoder: str, *, with_tokenizer: bool = True) -> str:
    """Identify a base encoder by its weights, configuration and tokenizer.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    with_tokenizer (bool): Whether the tokenizer's files count.
    RETURNS (str): SHA-256, or the name for an encoder of the hub.
    RAISES (ValueError): If the tokenizer's files count, and there are none.
    """
    folder = Path(encoder)
    if not folder.is_dir():
        return encoder
    state = hashlib.sha256()
    weights = sorted(folder.glob("*.safetensors")) + sorted(folder.glob("*.bin"))
    for path in (folder / "config.json", *weights):
        state.update(_digest_file(path))
    if with_tokenizer:
        for path in list_tokenizer_files(folder):
            # The same content in another file is another tokenizer
            state.update(path.name.encode())
            state.update(_digest_file(path))
    return state.hexdigest()


def is_base(encoder: str, digest: str) -> bool:
    """Tell whether an encoder is the one that a run started from.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    digest (str): What the run's checkpoint says. That of older ones is of weights and
        configuration alone.
    RETURNS (bool): Whether it is.
    """
    known = (get_encoder_digest(encoder, with_tokenizer=kind) for kind in (True, False))
    return digest in known


def _digest_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def get_weights_digest(model: nn.Module) -> str:
    """Identify the weights that a model has now.

    model (Module): The encoder.
    RETURNS (str): SHA-256.
    """
    state = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()


def set_num_threads(n_threads: int) -> None:
    """Set how many threads torch works with.

    n_threads (int): Threads of one operation.
    """
    torch.set_num_threads(n_threads)


def set_tf32(is_on: bool) -> None:
    """Let the tensor cores of a GPU multiply single precision with 10 bits, or not.

    is_on (bool): Whether they may.
    """
    torch.set_float32_matmul_precision("high" if is_on else "highest")
