"""`spacy-nuner.TransformerModel.v1`: docs -> one vector per token, for a `transformer`.

Goes into the pipe `transformer` of spacy-transformers in place of its own
`TransformerModel`. What differs: chosen hidden states are joined, with gradient
through all; layers can be frozen; each token has one vector, whatever its sub-tokens
and however long the doc; windows overlap and their votes are merged; batches are made
of windows of like length; weights are saved as safetensors.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from spacy.tokens import Doc
from spacy_transformers.data_classes import (
    FullTransformerBatch,
    TransformerData,
    WordpieceBatch,
)
from thinc.api import Model, get_array_module
from thinc.types import Floats2d, Ints1d, Ragged
from transformers.file_utils import ModelOutput

from ...errors import Errors
from ..settings import check_choice
from .cache import VectorCache
from .pieces import POOLINGS, Pooling, cut_docs, find_special
from .saved import unpack
from .shim import RUNTIMES, Batch, EncoderSettings, EncoderShim, Runtime
from .states import JOINS, Join
from .windows import cut_windows, group_windows

# Sub-tokens that are encoded together: on a CPU few enough for its cache
MAX_ITEMS = {"cpu": 512, "gpu": 16384}

InT = list[Doc]
OutT = FullTransformerBatch
TransformerModel = Model[list[Doc], FullTransformerBatch]


def build_transformer_model(
    name: str,
    *,
    layers: list[int] | None = None,
    join: Join = "concat",
    pooling: Pooling = "mean",
    window: int = 192,
    stride: int = 160,
    n_frozen_layers: int = 0,
    freeze_embeddings: bool = False,
    gradient_checkpointing: bool = False,
    learn_rate_scale: float = 1.0,
    layer_decay: float = 1.0,
    mixed_precision: bool = False,
    runtime: Runtime = "torch",
) -> TransformerModel:
    """Build the model `spacy-nuner.TransformerModel.v1`.

    name (str): Encoder folder, or a name on the Hugging Face hub.
    layers (list[int] | None): Hidden states to join: 0 embeddings, 1 first layer, -1
        last. None: the middle layer, or the highest that was frozen in pre-training if
        that lies above, and the last one, by the encoder's own record (`nuner.json`);
        without a record, the last.
    join (Join): "concat", "mean" or "mix" (a learned weighted sum).
    pooling (Pooling): Vector of a token: "mean" over its sub-tokens, "first" or "last".
    window (int): Sub-tokens encoded together, if the encoder allows as many.
    stride (int): From the start of a window to that of the next.
    n_frozen_layers (int): Layers that are not trained, from the bottom.
    freeze_embeddings (bool): Whether the embeddings are not trained either.
    gradient_checkpointing (bool): Less memory and more time in training.
    learn_rate_scale (float): The encoder's rate, as a share of the optimizer's.
    layer_decay (float): Factor on the rate of a layer for each layer above it.
    mixed_precision (bool): Half precision on a GPU.
    runtime (Runtime): What predictions are computed with: "torch", on a CPU with
        matrices packed for it; "onnx" and "onnx-int8" need the extra `onnx`.
    RETURNS (Model[list[Doc], FullTransformerBatch]): The model.
    """
    check_choice("pooling", pooling, POOLINGS)
    check_choice("join", join, JOINS)
    check_choice("runtime", runtime, RUNTIMES)
    if not 0 < stride <= window:
        raise ValueError(Errors.N424.format(window=window, stride=stride))
    settings = EncoderSettings(
        name=name,
        layers=tuple(layers) if layers else None,
        join=join,
        n_frozen_layers=n_frozen_layers,
        freeze_embeddings=freeze_embeddings,
        gradient_checkpointing=gradient_checkpointing,
        learn_rate_scale=learn_rate_scale,
        layer_decay=layer_decay,
        runtime=runtime,
    )
    return EncoderModel(
        "nuner_transformer",
        forward,
        init=init,
        dims={"nO": None},
        shims=[EncoderShim(settings, mixed_precision=mixed_precision)],
        attrs={"pooling": pooling, "window": window, "stride": stride},
    )


class EncoderModel(Model[InT, OutT]):
    """The layer, whose file may be damaged."""

    def from_bytes(self, bytes_data: bytes) -> "EncoderModel":
        """Load what `to_bytes` saved.

        RAISES (ValueError): If it can't be read.
        """
        self.from_dict(unpack(bytes_data, "the file 'model' of the transformer"))
        return self


def get_shim(model: Model) -> EncoderShim:
    """RETURNS (EncoderShim): The holder of the torch model."""
    return cast(EncoderShim, model.shims[0])


def find_transformer_model(model: Model) -> TransformerModel | None:
    """RETURNS (TransformerModel | None): A model of this module within another."""
    found = (node for node in model.walk() if node.name == "nuner_transformer")
    return next(found, None)


def init(model: TransformerModel, X: InT | None = None, Y: Any = None) -> None:
    """Read the encoder, unless it is there."""
    shim = get_shim(model)
    if model.has_dim("nO") is None:
        shim.load()
        model.set_dim("nO", shim.encoder.width)


def keep_vectors(model: TransformerModel, max_bytes: int) -> None:
    """Keep vectors of docs, since the same ones will come again.

    model (TransformerModel): The model.
    max_bytes (int): Size of all vectors together; 0 ends it.
    """
    get_shim(model).cache = VectorCache(max_bytes) if max_bytes else None


def forward(
    model: TransformerModel, docs: InT, is_train: bool
) -> tuple[OutT, Callable[[OutT], InT]]:
    shim = get_shim(model)
    filled = [doc for doc in docs if len(doc)]
    if not is_train:
        return make_batch(docs, encode(model, filled)), _no_gradient
    vectors, backprop_vectors = shim.begin_update(make_windows(model, filled))

    def backprop(d_output: OutT) -> InT:
        backprop_vectors(d_output.model_output["last_hidden_state"])
        return docs

    return make_batch(docs, _split(vectors, filled)), backprop


def _no_gradient(d_output: OutT) -> InT:
    return []


def encode(model: TransformerModel, docs: Sequence[Doc]) -> list[Floats2d]:
    """Compute, or look up, the vectors of docs that have tokens.

    model (TransformerModel): The model.
    docs (Sequence[Doc]): The docs.
    RETURNS (list[Floats2d]): Per doc (n_tokens, width).
    """
    shim = get_shim(model)
    if shim.cache is None:
        return _split(shim.predict(make_windows(model, docs)), docs)
    shim.cache.expire(shim.n_updates)
    found = [shim.cache.get(doc) for doc in docs]
    missing = [doc for doc, vectors in zip(docs, found, strict=True) if vectors is None]
    if missing:
        computed = _split(shim.predict(make_windows(model, missing)), missing)
        for doc, vectors in zip(missing, computed, strict=True):
            shim.cache.put(doc, vectors)
        rest = iter(computed)
        found = [next(rest) if vectors is None else vectors for vectors in found]
    return cast(list[Floats2d], found)


def make_windows(model: TransformerModel, docs: Sequence[Doc]) -> Batch:
    """Cut docs into sub-tokens, windows and groups of windows.

    model (TransformerModel): The model.
    docs (Sequence[Doc]): The docs.
    RETURNS (Batch): All that the encoder needs to know.
    """
    shim = get_shim(model)
    max_length = shim.max_length  # raises if the encoder has not been read
    tokenizer: Any = shim.tokenizer
    special = find_special(tokenizer)
    window = min(model.attrs["window"], max_length - special.n)
    stride = model.attrs["stride"]
    if window < model.attrs["window"]:
        stride = min(stride, max(1, window * 3 // 4))
    pieces = cut_docs(docs, tokenizer, model.attrs["pooling"])
    groups = group_windows(
        pieces,
        cut_windows(pieces.starts, window=window, stride=stride),
        special,
        pad_id=int(tokenizer.pad_token_id or 0),
        max_items=MAX_ITEMS["cpu" if shim.device.type == "cpu" else "gpu"],
    )
    return Batch(groups, pieces.n_tokens)


def _split(vectors: Floats2d, docs: Sequence[Doc]) -> list[Floats2d]:
    parts, start = [], 0
    for doc in docs:
        parts.append(vectors[start : start + len(doc)])
        start += len(doc)
    return parts


class TokenBatch(FullTransformerBatch):
    """Vectors of docs, one per token. Their gradients are joined end to end."""

    def unsplit_by_doc(self, arrays: list[list[Any]]) -> FullTransformerBatch:
        """Join the gradients of the docs that have tokens.

        arrays (list[list[Any]]): Per doc one array, (1, n_tokens, width).
        RETURNS (FullTransformerBatch): With (n_tokens, width) of all of them.
        """
        xp = get_array_module(arrays[0][0])
        joined = xp.concatenate([array[0] for (array,) in arrays])
        return FullTransformerBatch(
            spans=[],
            wordpieces=WordpieceBatch.empty(),
            model_output=ModelOutput(last_hidden_state=joined),
            align=self.align,
        )


def make_batch(docs: InT, vectors: list[Floats2d]) -> TokenBatch:
    """Hand over vectors in the form that spacy-transformers' listeners expect.

    docs (list[Doc]): The docs.
    vectors (list[Floats2d]): Vectors of those that have tokens, (n_tokens, width).
    RETURNS (TokenBatch): Each doc's vectors as a "sub-token" per token.
    """
    rest = iter(vectors)
    data = [
        _make_data(next(rest)) if len(doc) else TransformerData.empty() for doc in docs
    ]
    return TokenBatch(
        spans=[[doc[:]] if len(doc) else [] for doc in docs],
        wordpieces=WordpieceBatch.empty(),
        model_output=ModelOutput(),
        align=TransformerData.empty().align,
        cached_doc_data=data,
    )


def _make_data(vectors: Floats2d) -> TransformerData:
    xp: Any = get_array_module(vectors)
    n_tokens = len(vectors)
    return TransformerData(
        wordpieces=WordpieceBatch.empty(),
        model_output=ModelOutput(
            last_hidden_state=vectors.reshape((1, *vectors.shape))
        ),
        align=Ragged(
            cast(Ints1d, xp.arange(n_tokens, dtype="i")),
            cast(Ints1d, xp.ones(n_tokens, dtype="i")),
        ),
    )
