"""The contrastive model: `spacy-nuner.ContrastiveModel.v1` (Section 3.2, Figure 5)."""

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy
from thinc.api import ArgsKwargs, Model, PyTorchWrapper_v2, get_current_ops
from thinc.shims import PyTorchShim
from thinc.types import Floats1d, Floats2d
from thinc.util import get_array_module, xp2torch

from ..hf import load_model
from .batch import ConceptGroups, PretrainBatch
from .encoders import ConceptEncoder, Pooling, TextEncoder

LOG_ODDS: Literal["log_odds"] = "log_odds"

ContrastiveModel = Model[PretrainBatch, Floats2d]
BackpropT = Callable[[Floats2d], list]


def build_contrastive_model(
    encoder: str,
    *,
    temperature: float = 5.0,
    bias: float | Literal["log_odds"] = 0.0,
    learn_bias: bool = False,
    pooling: Pooling = "cls",
    n_frozen_layers: int = 6,
    n_frozen_concept_layers: int = 0,
    freeze_embeddings: bool = True,
    freeze_concept_embeddings: bool = False,
    dropout: float | None = None,
) -> ContrastiveModel:
    """Build the model `spacy-nuner.ContrastiveModel.v1`.

    Both encoders start from the same base. The defaults are the paper's for
    RoBERTa-base; it has no bias.

    encoder (str): Base encoder: encoder folder, or a name on the Hugging Face hub.
    temperature (float): What the dot products are divided by.
    bias (float | Literal["log_odds"]): Added to each logit; "log_odds": the log-odds of
        a positive cell, measured on the first batches.
    learn_bias (bool): Whether the bias is trained.
    pooling (Pooling): How a concept's sub-tokens become one vector: "cls" or "mean".
    n_frozen_layers (int): Frozen layers of the text encoder, from the bottom.
    n_frozen_concept_layers (int): The same of the concept encoder.
    freeze_embeddings (bool): Whether the text encoder's embeddings are frozen.
    freeze_concept_embeddings (bool): The same of the concept encoder.
    dropout (float | None): Dropout of both encoders; None: the base encoder's own.
    RETURNS (Model[PretrainBatch, Floats2d]): Batches to logits.
    """
    text_encoder = TextEncoder(
        load_model(encoder, dropout=dropout),
        n_frozen_layers=n_frozen_layers,
        freeze_embeddings=freeze_embeddings,
    )
    concept_encoder = ConceptEncoder(
        load_model(encoder, dropout=dropout),
        pooling=pooling,
        n_frozen_layers=n_frozen_concept_layers,
        freeze_embeddings=freeze_concept_embeddings,
    )
    start = 0.0 if bias == LOG_ODDS else float(bias)
    return Model(
        "contrastive",
        forward,
        layers=[
            PyTorchWrapper_v2(text_encoder, convert_inputs=_convert_texts),
            PyTorchWrapper_v2(concept_encoder, convert_inputs=_convert_concepts),
        ],
        params={"b": get_current_ops().asarray1f([start])},
        attrs={
            "temperature": temperature,
            "learn_bias": learn_bias,
            "measure_bias": bias == LOG_ODDS,
        },
    )


def forward(
    model: ContrastiveModel, batch: PretrainBatch, is_train: bool
) -> tuple[Floats2d, BackpropT]:
    """Compare each valid sub-token with each concept of the batch.

    With token vectors H, concept vectors C, temperature t and bias b:

        Z = H C^T / t + b
        dH = dZ C / t        dC = dZ^T H / t        db = sum dZ

    model (Model): The contrastive model.
    batch (PretrainBatch): The batch.
    is_train (bool): Whether the gradient is wanted.
    RETURNS (tuple[Floats2d, Callable]): Logits Z, (n_tokens, n_concepts), and backprop.
    """
    text_encoder, concept_encoder = model.layers
    scale = 1.0 / model.attrs["temperature"]
    H: Floats2d
    C: Floats2d
    H, backprop_texts = text_encoder(batch, is_train)  # (n_tokens, width)
    C, backprop_concepts = concept_encoder(
        batch.concepts, is_train
    )  # (n_concepts, width)
    b = cast(Floats1d, model.get_param("b"))  # (1,)
    Z = model.ops.gemm(H, C, trans2=True)  # (n_tokens, n_concepts)
    Z *= scale
    Z += b

    def backprop(dZ: Floats2d) -> list:
        scaled = dZ * scale  # (n_tokens, n_concepts)
        backprop_texts(model.ops.gemm(scaled, C))  # (n_tokens, width)
        backprop_concepts(model.ops.gemm(scaled, H, trans1=True))  # (n_concepts, width)
        if model.attrs["learn_bias"]:
            total = get_array_module(dZ).sum(dZ)
            model.inc_grad("b", model.ops.asarray1f([float(total)]))  # (1,)
        return []

    return Z, backprop


def get_encoders(model: ContrastiveModel) -> tuple[TextEncoder, ConceptEncoder]:
    """Get the two torch modules.

    model (Model): The contrastive model.
    RETURNS (tuple[TextEncoder, ConceptEncoder]): The encoders, not copies.
    """
    text_encoder, concept_encoder = (layer.shims[0]._model for layer in model.layers)
    return text_encoder, concept_encoder


def get_bias(model: ContrastiveModel) -> float:
    """Get the value of the bias.

    model (Model): The contrastive model.
    RETURNS (float): The bias b of the logits.
    """
    return float(cast(Floats1d, model.get_param("b"))[0])


def set_bias(model: ContrastiveModel, bias: float) -> None:
    """Set the value of the bias.

    model (Model): The contrastive model.
    bias (float): The new value.
    """
    model.set_param("b", model.ops.asarray1f([bias]))


def measure_log_odds(targets: list[Floats2d]) -> float:
    """Measure the log-odds of a positive cell, log(p / (1 - p)).

    A model that starts there starts at the right rate of positives; from 0, it has to
    learn first that nearly all cells are negative.

    targets (list[Floats2d]): Targets of some batches, (n_tokens, n_concepts) each.
    RETURNS (float): The log-odds.
    """
    positive = sum(float(get_array_module(batch).sum(batch)) for batch in targets)
    cells = sum(batch.size for batch in targets)
    return float(numpy.log(positive / (cells - positive)))


def _convert_texts(
    model: Model, batch: PretrainBatch, is_train: bool
) -> tuple[ArgsKwargs, Callable[[Any], list]]:
    arrays = (batch.texts.ids, batch.texts.mask, batch.rows)
    return _to_torch(model, arrays), _no_gradient


def _convert_concepts(
    model: Model, concepts: ConceptGroups, is_train: bool
) -> tuple[ArgsKwargs, Callable[[Any], list]]:
    ids = [group.ids for group in concepts.groups]
    masks = [group.mask for group in concepts.groups]
    return _to_torch(model, (ids, masks, concepts.order)), _no_gradient


def _to_torch(model: Model, arrays: tuple) -> ArgsKwargs:
    device = cast(PyTorchShim, model.shims[0]).device

    def convert(item: Any) -> Any:
        if isinstance(item, list):
            return [convert(array) for array in item]
        return xp2torch(item, device=device)

    return ArgsKwargs(args=tuple(convert(item) for item in arrays), kwargs={})


def _no_gradient(dX: Any) -> list:
    # The inputs are ids of sub-tokens
    return []
