"""The torch encoder inside thinc: loading, saving without pickles, learning rates."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import safetensors.torch
import srsly
import torch
from thinc.api import Optimizer, PyTorchShim, get_torch_default_device
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from ...errors import Errors
from ...hf import (
    find_layers,
    load_model,
    load_tokenizer,
    mind_fork,
    pooling_layer_option,
    update_in_place,
)
from .onnx_runtime import OnnxEncoder, export
from .packed import can_pack, pack
from .saved import default_layers, load_weights, measure_depths, read_saved
from .states import Join, JoinedStates
from .windows import Group

if TYPE_CHECKING:
    from .cache import VectorCache

NO_LIMIT = 10**6
EncodeT = Callable[[Tensor, Tensor], Tensor]
Runtime = Literal["torch", "onnx", "onnx-int8"]
RUNTIMES = ("torch", "onnx", "onnx-int8")


@dataclass(frozen=True)
class EncoderSettings:
    """Settings of `spacy-nuner.TransformerModel.v1` that concern the torch model."""

    name: str
    layers: tuple[int, ...] | None
    join: Join
    n_frozen_layers: int
    freeze_embeddings: bool
    gradient_checkpointing: bool
    learn_rate_scale: float
    layer_decay: float
    runtime: Runtime


class Batch(NamedTuple):
    """Windows of some docs, in groups that are encoded together."""

    groups: list[Group]
    n_tokens: int


class EncoderShim(PyTorchShim):
    """Holds the encoder and its tokenizer.

    Weights are saved as safetensors, all else as JSON and the tokenizer's own files.
    Nothing is pickled, and nothing is unpickled.
    """

    def __init__(
        self, settings: EncoderSettings, *, mixed_precision: bool = False
    ) -> None:
        super().__init__(None, mixed_precision=mixed_precision)
        self.settings = settings
        self.tokenizer: PreTrainedTokenizerBase | None = None
        self.n_updates = 0  # raised whenever a weight may have changed
        self.cache: VectorCache | None = None
        self._graph: bytes | None = None  # of ONNX, if that is what predicts
        self._predictor: EncodeT | None = None
        self._lr_scales: dict[str, float] = {}

    @property
    def encoder(self) -> JoinedStates:
        """The torch module.

        RAISES (ValueError): If it has not been read yet.
        """
        if self._model is None:
            raise ValueError(Errors.N422.format(name=self.settings.name))
        return cast(JoinedStates, self._model)

    @property
    def max_length(self) -> int:
        """Sub-tokens that the encoder can take at once, special ones included."""
        config = self.encoder.model.config
        limit = int(getattr(config, "max_position_embeddings", None) or NO_LIMIT)
        # RoBERTa's positions count from behind that of the padding
        padding = getattr(self.encoder.model.embeddings, "padding_idx", None)
        limit -= 0 if padding is None else int(padding) + 1
        return min(limit, int(cast(Any, self.tokenizer).model_max_length))

    def load(self) -> None:
        """Read encoder and tokenizer from the folder, or the hub, of the settings."""
        name = self.settings.name
        tokenizer = load_tokenizer(name)
        model = load_model(name)
        n_layers = len(find_layers(model))
        layers = self.settings.layers or default_layers(Path(name), n_layers)
        self._set(model, tokenizer, layers)

    def _set(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        layers: tuple[int, ...],
    ) -> None:
        settings = self.settings
        self._model = JoinedStates(
            model,
            layers=layers,
            join=settings.join,
            n_frozen_layers=settings.n_frozen_layers,
            freeze_embeddings=settings.freeze_embeddings,
            gradient_checkpointing=settings.gradient_checkpointing,
        ).to(get_torch_default_device())
        self.tokenizer = tokenizer
        self._changed()
        self._lr_scales = {
            name: settings.learn_rate_scale * settings.layer_decay**depth
            for name, depth in measure_depths(self._model).items()
        }

    # A shim of ours takes what it needs, not torch's ArgsKwargs
    def predict(self, inputs: Batch) -> Floats2d:  # type: ignore[override]
        """Encode without a gradient.

        inputs (Batch): Groups of windows.
        RETURNS (Floats2d): Token vectors, (n_tokens, width).
        """
        mind_fork()
        with torch.inference_mode():
            vectors = self._merge_votes(self._find_predictor(), inputs)
            return cast(Floats2d, torch2xp(vectors))

    def _find_predictor(self) -> EncodeT:
        encoder = self.encoder.eval()
        if self._predictor is None and self.settings.runtime != "torch":
            if self._graph is None:
                int8 = self.settings.runtime == "onnx-int8"
                self._graph = export(encoder, int8=int8)
            self._predictor = OnnxEncoder(self._graph)
        elif self._predictor is None:
            self._predictor = pack(encoder) if can_pack(encoder) else encoder
        return self._predictor

    def _changed(self) -> None:
        self.n_updates += 1
        self._graph = self._predictor = None

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes what predicts anew: neither packed matrices nor a session of
        # ONNX Runtime can be copied
        return self.__dict__ | {"_predictor": None}

    def to_device(self, device_type: str, device_id: int) -> None:
        """Move the encoder, as PyTorchShim does, and pack it anew."""
        super().to_device(device_type, device_id)
        self._changed()

    def begin_update(  # type: ignore[override]
        self, inputs: Batch
    ) -> tuple[Floats2d, Callable[[Floats2d], list[Any]]]:
        """Encode with dropout and keep what the gradient needs.

        inputs (Batch): Groups of windows.
        RETURNS (tuple[Floats2d, Callable]): Token vectors, (n_tokens, width); the
            function that takes their gradient.
        """
        mind_fork()
        vectors = self._merge_votes(self.encoder.train(), inputs)

        def backprop(d_vectors: Floats2d) -> list[Any]:
            if vectors.requires_grad:
                gradient = xp2torch(d_vectors, device=vectors.device)
                (scaled,) = self._grad_scaler.scale([gradient])
                torch.autograd.backward(vectors, scaled)
                parameters = self.encoder.parameters()
                self._grad_scaler.unscale(
                    [p.grad for p in parameters if p.grad is not None]
                )
            return []

        return cast(Floats2d, torch2xp(vectors.detach())), backprop

    def _merge_votes(self, encode: EncodeT, inputs: Batch) -> Tensor:
        device = self.device
        vectors = torch.zeros(inputs.n_tokens, self.encoder.width, device=device)
        for group in inputs.groups:
            ids, mask, rows, tokens, weights = (
                torch.from_numpy(array).to(device) for array in group
            )
            with torch.autocast("cuda") if self._mixed_precision else nullcontext():
                states = encode(ids, mask)  # (n_windows, length, width)
            votes = states.flatten(0, 1).index_select(0, rows).float()
            # (n_votes, width); a token's votes add up to its weighted mean
            vectors.index_add_(0, tokens, votes * weights.unsqueeze(1))
        return vectors

    def finish_update(self, optimizer: Optimizer) -> None:
        """Step of the optimizer, each layer at its own rate.

        The rate is that of the optimizer, times `learn_rate_scale`, times `layer_decay`
        for each layer that lies above.
        """
        self._changed()
        if self._grad_scaler.found_inf:
            self.encoder.zero_grad(set_to_none=True)
        update_in_place(self.encoder, optimizer, key=self.id, lr_scales=self._lr_scales)
        self._grad_scaler.update()

    def to_bytes(self) -> bytes:
        """Save: configuration, weights, tokenizer, which layers are joined."""
        if self._model is None:
            return srsly.msgpack_dumps({})
        encoder = self.encoder
        weights = {
            name: tensor.detach().contiguous().cpu()
            for name, tensor in encoder.state_dict().items()
        }
        config: Any = srsly.json_loads(
            encoder.model.config.to_json_string(use_diff=False)
        )
        # A path on this machine; after loading, that of a temporary folder
        config.pop("_name_or_path", None)
        return srsly.msgpack_dumps(
            {
                "config": srsly.json_dumps(config),
                "layers": list(encoder.layers),
                "tokenizer": self._tokenizer_files(),
                "weights": safetensors.torch.save(weights),
                "graph": self._graph,
                "runtime": self.settings.runtime,
            }
        )

    def _tokenizer_files(self) -> dict[str, bytes]:
        with TemporaryDirectory() as folder:
            cast(PreTrainedTokenizerBase, self.tokenizer).save_pretrained(folder)
            files = (path for path in Path(folder).iterdir() if path.is_file())
            return {path.name: path.read_bytes() for path in files}

    def from_bytes(self, bytes_data: bytes) -> "EncoderShim":
        """Load what `to_bytes` saved.

        RAISES (ValueError): If something is missing or does not fit together.
        """
        data = read_saved(bytes_data)
        if not data:
            return self
        with TemporaryDirectory() as folder:
            for name, content in data["tokenizer"].items():
                (Path(folder) / Path(name).name).write_bytes(content)
            (Path(folder) / "config.json").write_text(data["config"], encoding="utf8")
            tokenizer = load_tokenizer(folder)
            config = AutoConfig.from_pretrained(folder)
        options: dict[str, Any] = pooling_layer_option(config)
        model = AutoModel.from_config(config, **options)
        self._set(model, tokenizer, self.settings.layers or tuple(data["layers"]))
        load_weights(self.encoder, data["weights"])
        if data.get("runtime") == self.settings.runtime:
            self._graph = data.get("graph")
        return self
