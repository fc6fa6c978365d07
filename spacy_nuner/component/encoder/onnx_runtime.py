"""The encoder as an ONNX graph, in full precision or with 8-bit weights (extra `onnx`).

Predictions only: training needs torch. Measured on CPUs in benchmarks/inference.py.
"""

import io
import logging
import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ...errors import Errors
from .states import JoinedStates

OPSET = 17
TOLERANCE = 1e-3
NAMES = ("input_ids", "attention_mask", "vectors")


class OnnxEncoder:
    """Runs a graph made by `export`."""

    def __init__(self, graph: bytes) -> None:
        """Start ONNX Runtime on the CPU, with as many threads as torch has.

        graph (bytes): The graph.
        RAISES (ImportError): Without the extra `onnx`.
        """
        self._graph = graph
        # By process: a parent's lives on here without its threads, and to end it would
        # be to wait for them
        self._sessions: dict[int, Any] = {}
        self._start()

    def _start(self) -> Any:
        try:
            import onnxruntime
        except ImportError:
            raise ImportError(Errors.N425) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(
            self._graph, options, providers=["CPUExecutionProvider"]
        )
        self._sessions[os.getpid()] = session
        return session

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode one padded group; see `JoinedStates.forward`."""
        session = self._sessions.get(os.getpid()) or self._start()
        inputs = {NAMES[0]: ids.cpu().numpy(), NAMES[1]: mask.cpu().numpy()}
        (vectors,) = session.run([NAMES[2]], inputs)
        return torch.from_numpy(vectors).to(ids.device)


def export(encoder: JoinedStates, *, int8: bool) -> bytes:
    """Write an encoder as an ONNX graph and check that it computes the same.

    encoder (JoinedStates): The encoder.
    int8 (bool): Store weights in 8 bits, one scale per channel, and multiply in
        integers; activations are quantised as they come.
    RETURNS (bytes): The graph.
    RAISES (ImportError): Without the extra `onnx`.
    RAISES (ValueError): If the graph, before it is quantised, gives other vectors.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        raise ImportError(Errors.N425) from None
    encoder = encoder.eval()
    device = next(encoder.parameters()).device
    ids = torch.arange(10, 26, device=device).view(2, 8)
    # Padding in the example, or the tracer would leave the mask out
    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3], device=device)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder,
            (ids, mask),
            buffer,  # type: ignore[arg-type]
            input_names=list(NAMES[:2]),
            output_names=[NAMES[2]],
            dynamic_axes={name: {0: "n_windows", 1: "length"} for name in NAMES},
            opset_version=OPSET,
            dynamo=False,
        )
        expected = encoder(ids, mask)[mask.bool()].cpu()
    graph = buffer.getvalue()
    got = OnnxEncoder(graph)(ids.cpu(), mask.cpu())[mask.bool().cpu()]
    difference = float((got - expected).abs().max())
    if not difference <= TOLERANCE:
        raise ValueError(Errors.N426.format(got=difference, allowed=TOLERANCE))
    return _quantize(graph) if int8 else graph


def _quantize(graph: bytes) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    options: dict[str, Any] = {
        "weight_type": QuantType.QInt8,
        "per_channel": True,
        # 7 of 8 bits: sums of 8-bit products overflow on processors without VNNI
        "reduce_range": True,
    }
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("full", "prepared", "int8")]
        paths[0].write_bytes(graph)
        logging.getLogger("onnxruntime").setLevel(logging.ERROR)
        quant_pre_process(paths[0], paths[1], skip_symbolic_shape=True)
        quantize_dynamic(paths[1], paths[2], **options)
        return paths[2].read_bytes()
