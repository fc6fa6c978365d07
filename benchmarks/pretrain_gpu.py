"""Pre-training of a random encoder of RoBERTa-base's size on a GPU."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from common import ROOT, find_versions, time_call
from flops import measure_peak
from loops import PAPER, Ours, read_both
from wasabi import msg

from spacy_nuner.pretrain.settings import load_settings, set_steps
from spacy_nuner.pretrain.wordpieces import Ints

CONFIG = ROOT / "configs" / "paper" / "pretrain.cfg"
TEXTS = ROOT / "corpus" / "concepts"
# The paper's run
N_SENTENCES, N_EPOCHS = 1_000_000, 10
GIB = 2**30
PRODUCTS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Name of the row, precision, TF32, sentences of a batch
ROWS = (
    ("fp32", "fp32", False, 48),
    ("fp32 with TF32", "fp32", True, 48),
    ("fp16", "fp16", False, 48),
    ("bf16", "bf16", False, 48),
    ("bf16, batches of 192", "bf16", False, 192),
)


@dataclass(frozen=True)
class Size:
    """Sizes of an encoder."""

    n_layers: int = 12
    width: int = 768
    n_heads: int = 12
    vocab_size: int = 50_265


def measure_gpu(
    n_rounds: int, n_steps: int, size: Size | None = None
) -> dict[str, Any]:
    """Train a random encoder.

    n_rounds (int): Rounds.
    n_steps (int): Steps of a round.
    size (Size | None): Sizes; None: RoBERTa-base's.
    RETURNS (dict[str, Any]): The figures.
    """
    if not torch.cuda.is_available():
        msg.fail(
            "No GPU",
            "torch.cuda.is_available() is False. Use a machine with a CUDA GPU, and "
            "install the extra of its CUDA version: pip install 'spacy[cuda12x]'.",
            exits=1,
        )
    size = size or Size()
    with tempfile.TemporaryDirectory() as folder:
        encoder = build_encoder(Path(folder) / "encoder", size)
        rows, mean_length = measure_rows(
            Path(folder), encoder, n_rounds, n_steps, gpu_id=0
        )
    return {
        "rows": rows,
        "encoder": {"n_layers": size.n_layers, "width": size.width},
        "mean_length": mean_length,
        "n_rounds": n_rounds,
        "n_steps": n_steps,
        "gpu": torch.cuda.get_device_name(0),
        "versions": find_versions(("torch", "transformers", "cupy-cuda12x")),
    }


def measure_rows(
    folder: Path, encoder: Path, n_rounds: int, n_steps: int, *, gpu_id: int
) -> tuple[dict[str, Any], float]:
    """Train with each precision.

    folder (Path): Where runs keep their files.
    encoder (Path): Encoder folder.
    n_rounds (int): Rounds.
    n_steps (int): Steps of a round.
    gpu_id (int): The GPU; -1: CPU.
    RETURNS (tuple[dict[str, Any], float]): Figures by name of the row, mean length of
        the sentences.
    """
    device = "cpu" if gpu_id < 0 else f"cuda:{gpu_id}"
    rows: dict[str, Any] = {}
    for i, (name, precision, tf32, batch_size) in enumerate(ROWS):
        changes = {
            "paths.encoder": str(encoder),
            "paths.train": str(TEXTS / "train"),
            "paths.dev": str(TEXTS / "dev"),
            "system.gpu_id": gpu_id,
            "system.tf32": tf32,
            "pretrain.model.precision": precision,
            "pretrain.batch_size": batch_size,
            "pretrain.total_steps": 10_000,
        }
        config = set_steps(load_settings(CONFIG, PAPER | changes), n_sentences=1)
        both = read_both(config, 0)
        ours = Ours.build(config, both, folder / str(i))
        parts = draw_parts(both.n, n_steps * batch_size, n_rounds + 1)
        seconds = [train(ours, part, gpu_id) for part in parts]
        speeds, shares = [], []
        peak = measure_peak(PRODUCTS[precision], "wall", device)
        # What is slow the first time does not count
        for part, taken in list(zip(parts, seconds, strict=True))[1:]:
            batches = ours.plan(part, seed=0)
            counted = sum(ours.count(batch, padded=False) for batch in batches)
            speeds.append(len(part) / taken)
            shares.append(counted / taken / peak)
        rate = median(speeds)
        rows[name] = {
            "sentences_per_second": rate,
            "share_of_peak": median(shares),
            "peak_tflops": peak / 1e12,
            "peak_gib": torch.cuda.max_memory_allocated() / GIB if gpu_id >= 0 else 0.0,
            "hours": N_SENTENCES * N_EPOCHS / rate / 3600,
        }
        msg.text(f"{name}: {rate:,.0f} sentences/s")
        if gpu_id >= 0:
            torch.cuda.reset_peak_memory_stats()
    return rows, float(both.corpus.ids.lengths.mean())


def draw_parts(n: int, size: int, n_parts: int) -> list[Ints]:
    """RETURNS (list[Ints]): So many random sentences for each round."""
    rng = np.random.default_rng(0)
    return [rng.permutation(n)[:size] for _ in range(n_parts)]


def train(ours: Ours, part: Ints, gpu_id: int) -> float:
    """RETURNS (float): Seconds to train on some sentences, the GPU's work included."""

    def run() -> None:
        ours.train(part, seed=0)
        if gpu_id >= 0:
            torch.cuda.synchronize()

    return time_call(run)


def build_encoder(path: Path, size: Size) -> Path:
    """Write a random RoBERTa with a byte-level tokenizer as an encoder folder.

    path (Path): The folder to make.
    size (Size): Its sizes.
    RETURNS (Path): The folder.
    """
    from texts import read_sentences
    from transformers import RobertaConfig, RobertaModel

    from spacy_nuner.pretrain.tiny import build_tiny_encoder

    build_tiny_encoder(path, read_sentences(6000), vocab_size=size.vocab_size)
    config = RobertaConfig(
        vocab_size=size.vocab_size,
        hidden_size=size.width,
        num_hidden_layers=size.n_layers,
        num_attention_heads=size.n_heads,
        intermediate_size=4 * size.width,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    torch.manual_seed(0)
    RobertaModel(config, add_pooling_layer=False).save_pretrained(path)
    return path
