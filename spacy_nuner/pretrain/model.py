"""The contrastive model: `spacy-nuner.ContrastiveModel.v1` (Section 3.2, Figure 5)."""

import logging
import math
from collections.abc import Callable
from typing import Any, Literal, cast

from thinc.api import ArgsKwargs, Model, get_current_ops
from thinc.types import Floats1d, Floats2d
from thinc.util import get_array_module, xp2torch
from torch import Tensor

from ..errors import Warnings
from ..hf import load_model, load_projection
from .batch import ConceptGroups, PretrainBatch, TextPart
from .contrast import Contrast, Link
from .encoders import ConceptEncoder, Pooling, TextEncoder
from .limits import check_model_values
from .scale import LossScale
from .shim import Precision, TowerShim
from .targets import Targets

logger = logging.getLogger(__name__)

LOG_ODDS: Literal["log_odds"] = "log_odds"

ContrastiveModel = Model[PretrainBatch, tuple[Floats2d, Floats2d]]
TextTower = Model[TextPart, Floats2d]
ConceptTower = Model[ConceptGroups, Floats2d]
BackpropT = Callable[[tuple[Floats2d, Floats2d]], list]


def build_contrastive_model(
    encoder: str,
    *,
    concept_encoder: str | None = None,
    temperature: float = 5.0,
    learn_temperature: bool = False,
    bias: float | Literal["log_odds"] = 0.0,
    learn_bias: bool = False,
    pooling: Pooling = "cls",
    n_frozen_layers: int = 6,
    n_frozen_concept_layers: int = 0,
    freeze_embeddings: bool = True,
    freeze_concept_embeddings: bool = False,
    dropout: float | None = None,
    precision: Precision = "fp32",
    compiled: bool = False,
) -> ContrastiveModel:
    """Build the model `spacy-nuner.ContrastiveModel.v1`.

    Both encoders start from the same base, unless a second one is named. The defaults
    are the paper's for RoBERTa-base; it has no bias.

    encoder (str): Base encoder: encoder folder, or a name on the Hugging Face hub.
    concept_encoder (str | None): Base of the concept encoder; None: the same. Where its
        vectors have another width, a learned projection joins the two.
    temperature (float): What the dot products are divided by.
    learn_temperature (bool): Whether the temperature is trained.
    bias (float | Literal["log_odds"]): Added to each logit; "log_odds": the log-odds of
        a positive cell, measured on the first batches.
    learn_bias (bool): Whether the bias is trained.
    pooling (Pooling): How a concept's sub-tokens become one vector: "cls" or "mean".
    n_frozen_layers (int): Frozen layers of the text encoder, from the bottom.
    n_frozen_concept_layers (int): The same of the concept encoder.
    freeze_embeddings (bool): Whether the text encoder's embeddings are frozen.
    freeze_concept_embeddings (bool): The same of the concept encoder.
    dropout (float | None): Dropout of both encoders; None: the base encoder's own.
    precision (Precision): What the encoders compute in: "fp32", "bf16" or "fp16".
    compiled (bool): Whether torch.compile is used.
    RETURNS (Model[PretrainBatch, tuple[Floats2d, Floats2d]]): Batches to the vectors of
        their sub-tokens, (n_tokens, width), and of their concepts, (n_concepts, width).
    RAISES (ValueError): For values that are not allowed.
    """
    check_model_values(temperature, bias, dropout)
    texts = TextEncoder(
        load_model(encoder, dropout=dropout),
        n_frozen_layers=n_frozen_layers,
        freeze_embeddings=freeze_embeddings,
    )
    second = concept_encoder or encoder
    model = load_model(second, dropout=dropout)
    width = int(texts.model.config.hidden_size)
    known = load_projection(second, width=int(model.config.hidden_size))
    concepts = ConceptEncoder(
        model,
        pooling=pooling,
        n_frozen_layers=n_frozen_concept_layers,
        freeze_embeddings=freeze_concept_embeddings,
        width=width,
        projection=known,
    )
    if known is not None and concepts.projection is not known:
        got = known.out_features
        logger.warning(Warnings.W350.format(path=second, got=got, width=width))
    scale = LossScale() if precision == "fp16" else None
    # It is of both encoders; as a part of this one, it is in every checkpoint
    texts.add_module("loss_scale", scale)
    ops = get_current_ops()
    start = 0.0 if bias == LOG_ODDS else float(bias)
    towers: list[Model] = []
    for name, module, convert in (
        ("texts", texts, _convert_texts),
        ("concepts", concepts, _convert_concepts),
    ):
        shim = TowerShim(
            module, precision=precision, compiled=compiled, loss_scale=scale
        )
        attrs = {"convert": convert}
        towers.append(Model(name, _run_tower, shims=[shim], attrs=attrs))
    return Model(
        "contrastive",
        forward,
        layers=towers,
        params={
            "bias": ops.asarray1f([start]),
            # Trained as its logarithm: it can't become negative
            "log_temperature": ops.asarray1f([math.log(temperature)]),
        },
        attrs={
            "learn_temperature": learn_temperature,
            "learn_bias": learn_bias,
            "measure_bias": bias == LOG_ODDS,
        },
    )


def forward(
    model: ContrastiveModel, batch: PretrainBatch, is_train: bool
) -> tuple[tuple[Floats2d, Floats2d], BackpropT]:
    """Run both encoders. What their vectors are compared by is in `contrast.py`.

    model (Model): The contrastive model.
    batch (PretrainBatch): The batch.
    is_train (bool): Whether the gradient is wanted.
    RETURNS (tuple[tuple[Floats2d, Floats2d], Callable]): Token vectors H, (n_tokens,
        width), concept vectors C, (n_concepts, width), and backprop.
    """
    texts, concepts = get_towers(model)
    parts = [texts(part, is_train) for part in batch.parts]
    H = get_array_module(parts[0][0]).concatenate([vectors for vectors, _ in parts])
    C, backprop_concepts = concepts(batch.concepts, is_train)

    def backprop(gradients: tuple[Floats2d, Floats2d]) -> list:
        dH, dC = gradients
        start = 0
        for vectors, backprop_texts in parts:
            end = start + len(vectors)
            backprop_texts(dH[start:end])
            start = end
        backprop_concepts(dC)
        return []

    return (H, C), backprop


def add_gradients(model: ContrastiveModel, found: Contrast) -> None:
    """Add the gradients of temperature and bias, where they are trained.

    model (Model): The contrastive model.
    found (Contrast): What came back from the cells.
    """
    link = get_link(model)
    if model.attrs["learn_bias"]:
        model.inc_grad("bias", model.ops.asarray1f([found.d_bias]))  # (1,)
    if model.attrs["learn_temperature"]:
        # d log t = t dt
        gradient = found.d_temperature * link.temperature
        model.inc_grad("log_temperature", model.ops.asarray1f([gradient]))  # (1,)


def get_towers(model: ContrastiveModel) -> tuple[TextTower, ConceptTower]:
    """Get the two encoders as thinc models.

    model (Model): The contrastive model.
    RETURNS (tuple[TextTower, ConceptTower]): Texts to token vectors, concepts to
        theirs.
    """
    texts, concepts = model.layers
    return texts, concepts


def get_shims(model: ContrastiveModel) -> tuple[TowerShim, TowerShim]:
    """Get what runs the two encoders.

    model (Model): The contrastive model.
    RETURNS (tuple[TowerShim, TowerShim]): The text and the concept encoder's.
    """
    texts, concepts = (cast(TowerShim, layer.shims[0]) for layer in model.layers)
    return texts, concepts


def get_encoders(model: ContrastiveModel) -> tuple[TextEncoder, ConceptEncoder]:
    """Get the two torch modules.

    model (Model): The contrastive model.
    RETURNS (tuple[TextEncoder, ConceptEncoder]): The encoders, not copies.
    """
    texts, concepts = (shim.module for shim in get_shims(model))
    return cast(TextEncoder, texts), cast(ConceptEncoder, concepts)


def get_link(model: ContrastiveModel) -> Link:
    """Get temperature and bias.

    model (Model): The contrastive model.
    RETURNS (Link): How vectors become logits.
    """
    bias = cast(Floats1d, model.get_param("bias"))  # (1,)
    log_temperature = cast(Floats1d, model.get_param("log_temperature"))  # (1,)
    # Single precision of the logarithm would make 5.0000002 of 5
    temperature = round(math.exp(float(log_temperature[0])), 5)
    return Link(temperature=temperature, bias=float(bias[0]))


def set_link(model: ContrastiveModel, link: Link) -> None:
    """Set temperature and bias.

    model (Model): The contrastive model.
    link (Link): The new values.
    """
    log_temperature = math.log(link.temperature)
    model.set_param("bias", model.ops.asarray1f([link.bias]))
    model.set_param("log_temperature", model.ops.asarray1f([log_temperature]))


def measure_log_odds(targets: list[Targets]) -> float:
    """Measure the log-odds of a positive cell, log(p / (1 - p)).

    Half a cell is added to both sides, so that it is finite where all cells are of one
    kind.

    A model that starts there starts at the right rate of positives; from 0, it has to
    learn first that nearly all cells are negative.

    targets (list[Targets]): Targets of some batches.
    RETURNS (float): The log-odds.
    """
    positive = sum(len(batch.tokens) for batch in targets)
    cells = sum(batch.n_cells for batch in targets)
    return math.log((positive + 0.5) / (cells - positive + 0.5))


def is_trained(model: ContrastiveModel) -> bool:
    """Tell whether a model has anything to train.

    model (Model): The contrastive model.
    RETURNS (bool): Whether a weight, the temperature or the bias is not frozen.
    """
    weights = (w for encoder in get_encoders(model) for w in encoder.parameters())
    learned = model.attrs["learn_temperature"] or model.attrs["learn_bias"]
    return bool(learned) or any(weight.requires_grad for weight in weights)


def _run_tower(model: Model, inputs: Any, is_train: bool) -> tuple[Floats2d, Any]:
    return model.shims[0](model.attrs["convert"](model, inputs), is_train)


def _convert_texts(model: TextTower, part: TextPart) -> ArgsKwargs:
    ids, mask, rows = (
        _to_torch(model, array)
        for array in (part.texts.ids, part.texts.mask, part.rows)
    )
    if part.known is None:
        return ArgsKwargs(args=(ids, mask, rows), kwargs={})
    states = _to_torch(model, part.known.states)  # (n_texts, length, width)
    if part.known.unknown.any():
        unknown = _to_torch(model, part.known.unknown)  # (n_texts,)
        encoder = cast(TextEncoder, cast(TowerShim, model.shims[0]).module)
        rest = encoder.encode_frozen(ids[unknown], mask[unknown])
        states[unknown] = rest.float()
    return ArgsKwargs(args=(ids, mask, rows, states), kwargs={})


def _convert_concepts(model: ConceptTower, concepts: ConceptGroups) -> ArgsKwargs:
    ids = [_to_torch(model, group.ids) for group in concepts.groups]
    masks = [_to_torch(model, group.mask) for group in concepts.groups]
    return ArgsKwargs(args=(ids, masks, _to_torch(model, concepts.order)), kwargs={})


def _to_torch(model: Model, array: Any) -> Tensor:
    return xp2torch(array, device=cast(TowerShim, model.shims[0]).device)
