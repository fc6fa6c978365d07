"""The token classifier of NER-BERT: an encoder, dropout and a linear layer."""

from typing import Any, cast

from thinc.api import ArgsKwargs, Model, get_current_ops
from thinc.types import Floats2d
from thinc.util import xp2torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ...hf import Encoder, load_model
from ..batch import TextPart
from ..shim import TowerShim

TagModel = Model[TextPart, Floats2d]
# Before the linear layer, where the config leaves the encoder's own dropout as it is
DROPOUT = 0.1


class Tagger(Encoder):
    """Texts to one score per tag for each scored sub-token."""

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        n_tags: int,
        n_frozen_layers: int,
        freeze_embeddings: bool,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__(
            model,
            n_frozen_layers=n_frozen_layers,
            freeze_embeddings=freeze_embeddings,
        )
        self.drop = nn.Dropout(dropout)
        self.output = nn.Linear(int(model.config.hidden_size), n_tags)

    def forward(self, ids: Tensor, mask: Tensor, rows: Tensor) -> Tensor:
        """Score the tags.

        ids (Tensor): Sub-token ids, (n_texts, length).
        mask (Tensor): 1 where there is a sub-token, (n_texts, length).
        rows (Tensor): Flat positions of the scored sub-tokens, (n_tokens,).
        RETURNS (Tensor): Logits, (n_tokens, n_tags).
        """
        hidden = self.encode(ids, mask)  # (n_texts, length, width)
        vectors = hidden.flatten(0, 1).index_select(0, rows)  # (n_tokens, width)
        return self.output(self.drop(vectors))  # (n_tokens, n_tags)


def build_tag_model(
    encoder: str,
    *,
    n_tags: int,
    n_frozen_layers: int,
    freeze_embeddings: bool,
    dropout: float | None,
) -> TagModel:
    """Build the classifier, in single precision.

    encoder (str): Encoder folder, or a name on the Hugging Face hub.
    n_tags (int): Tags.
    n_frozen_layers (int): Frozen layers, from the bottom.
    freeze_embeddings (bool): Whether the embeddings are frozen.
    dropout (float | None): Dropout of encoder and classifier; None: the encoder's own,
        and 0.1.
    RETURNS (TagModel): Texts to logits, (n_tokens, n_tags).
    """
    tagger = Tagger(
        load_model(encoder, dropout=dropout),
        n_tags=n_tags,
        n_frozen_layers=n_frozen_layers,
        freeze_embeddings=freeze_embeddings,
        dropout=DROPOUT if dropout is None else dropout,
    )
    ops = get_current_ops()
    return Model("tagger", forward, shims=[TowerShim(tagger)], ops=ops)


def forward(model: TagModel, part: TextPart, is_train: bool) -> tuple[Floats2d, Any]:
    """Score the tags of some texts.

    model (Model): The classifier.
    part (TextPart): The texts, and which sub-tokens are scored.
    is_train (bool): Whether the gradient is wanted.
    RETURNS (tuple[Floats2d, Callable]): Logits, (n_tokens, n_tags), and backprop.
    """
    shim = get_shim(model)
    arrays: tuple[Any, ...] = (part.texts.ids, part.texts.mask, part.rows)
    tensors = tuple(xp2torch(array, device=shim.device) for array in arrays)
    return shim(ArgsKwargs(args=tensors, kwargs={}), is_train)


def get_shim(model: TagModel) -> TowerShim:
    """RETURNS (TowerShim): What runs the classifier."""
    return cast(TowerShim, model.shims[0])


def get_tagger(model: TagModel) -> Tagger:
    """RETURNS (Tagger): The torch module, not a copy."""
    return cast(Tagger, get_shim(model).module)
