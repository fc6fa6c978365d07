"""Checkpoint -> encoder folder: two plain Hugging Face encoders, checked."""

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from ..errors import Errors
from ..hf import find_layers, load_model, load_tokenizer, pooling_layer_option
from .card import write_card
from .checkpoint import Header, load_weights, read_header
from .encoders import get_encoder_digest
from .log import TrainLog
from .loop import LOG

logger = logging.getLogger(__name__)

FORMAT = 1
CONCEPT_FOLDER = "concept_encoder"
TOLERANCE = 1e-5
# safetensors writes files that only their owner may read
FILE_MODE = 0o644
PROBES = (
    "TSMC's chairman C.C. Wei told shareholders in Hsinchu that demand is rising.",
    "wine grape",
    "job title",
    "Kraków’s 15th-century cloth hall — 18 × 108 m — reopened in 2010.",
)


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    step: int
    max_difference: float  # largest one between the checkpoint's outputs and ours


def export_encoder(
    checkpoint: Path, output: Path, *, base: str | None = None, overwrite: bool = False
) -> Exported:
    """Write the encoders of a checkpoint as an encoder folder.

    Both encoders are loaded again with transformers alone and have to give the
    checkpoint's own outputs; only then the folder gets its name.

    checkpoint (Path): Folder `best` or `last` of a run.
    output (Path): The encoder folder.
    base (str | None): Base encoder; None: where the config of the run has it.
    overwrite (bool): Replace an encoder folder that is there.
    RETURNS (Exported): What was written.
    RAISES (ValueError): If the base encoder is another one, if `output` is something
        else than an encoder folder, or if outputs differ.
    """
    header = read_header(checkpoint)
    check_output(output, overwrite=overwrite)
    base = base or str(header.info.config["pretrain"]["model"]["encoder"])
    expected = header.info.settings["pretrain.model.encoder"]
    tokenizer = load_tokenizer(base)
    weights = load_weights(checkpoint)
    text_encoder = _load(base, weights["text"])
    concept_encoder = _load(base, weights["concept"])
    got = get_encoder_digest(base)
    if got != expected:
        raise ValueError(Errors.N311.format(base=base, got=got, expected=expected))
    beside = output.with_name(output.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for folder, model in (
            (beside, text_encoder),
            (beside / CONCEPT_FOLDER, concept_encoder),
        ):
            model.save_pretrained(folder, safe_serialization=True)
            tokenizer.save_pretrained(folder)
        base_name = Path(base).name
        records = TrainLog(checkpoint.parent / LOG).read()
        done = [r for r in records if r["step"] <= header.progress.step]
        card = write_card(header, name=output.name, base=base_name, records=done)
        (beside / "README.md").write_text(card, encoding="utf8")
        n_layers = len(find_layers(text_encoder))
        record = describe(header, base=base_name, n_layers=n_layers)
        text = json.dumps(record, indent=2) + "\n"
        (beside / "nuner.json").write_text(text, encoding="utf8")
        difference = max(
            compare(text_encoder, beside),
            compare(concept_encoder, beside / CONCEPT_FOLDER),
        )
        if not difference <= TOLERANCE:
            raise ValueError(
                Errors.N313.format(difference=difference, tolerance=TOLERANCE)
            )
        for path in beside.rglob("*"):
            if path.is_file():
                path.chmod(FILE_MODE)
        if output.exists():
            shutil.rmtree(output)
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Exported(output, header.progress.step, difference)


def check_output(output: Path, *, overwrite: bool) -> None:
    """Refuse to replace what is not an encoder folder, or is not meant to be replaced.

    output (Path): The folder to write.
    overwrite (bool): Whether an encoder folder may be replaced.
    RAISES (ValueError): If it may not.
    """
    if not output.exists():
        return
    if not (output / "nuner.json").exists():
        problem = "it is there and is not an encoder folder of this package"
        raise ValueError(Errors.N312.format(path=output, problem=problem))
    if not overwrite:
        problem = "it is there already"
        raise ValueError(Errors.N312.format(path=output, problem=problem))


def describe(header: Header, *, base: str, n_layers: int) -> dict[str, Any]:
    """Make the content of `nuner.json`.

    header (Header): The checkpoint's.
    base (str): Name of the base encoder.
    n_layers (int): Layers of the text encoder.
    RETURNS (dict[str, Any]): What a reader needs to know beside the two encoders.
    """
    settings = header.info.settings
    return {
        "format": FORMAT,
        "base": base,
        "n_layers": n_layers,
        "n_frozen_layers": settings["pretrain.model.n_frozen_layers"],
        "temperature": header.temperature,
        "bias": header.bias,
        "pooling": settings["pretrain.model.pooling"],
        "step": header.progress.step,
        "corpus": header.info.corpus,
        "settings": settings,
    }


def compare(model: PreTrainedModel, folder: Path) -> float:
    """Load an exported encoder with transformers alone and compare the outputs.

    model (PreTrainedModel): The encoder with the checkpoint's weights.
    folder (Path): Where it was exported to.
    RETURNS (float): The largest absolute difference of the last hidden states.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(list(PROBES), padding=True, return_tensors="pt")
    options = pooling_layer_option(model.config)
    reloaded = AutoModel.from_pretrained(folder, **options).eval()
    with torch.no_grad():
        ours = model.eval()(**inputs).last_hidden_state  # (n_texts, length, width)
        theirs = reloaded(**inputs).last_hidden_state  # (n_texts, length, width)
    return float((ours - theirs).abs().max())


def _load(base: str, weights: dict[str, Tensor]) -> PreTrainedModel:
    model = load_model(base)
    model.load_state_dict(weights)
    return model
