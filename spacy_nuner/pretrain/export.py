"""Checkpoint -> encoder folder: two plain Hugging Face encoders, checked."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from ..errors import Errors
from ..hf import (
    find_layers,
    load_model,
    load_projection,
    load_tokenizer,
    make_projection,
    pooling_layer_option,
    project,
    save_projection,
)
from .card import write_card
from .checkpoint import Header, load_weights, read_header
from .encoders import get_encoder_digest, is_base
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
    checkpoint: Path,
    output: Path,
    *,
    base: str | None = None,
    concept_base: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write the encoders of a checkpoint as an encoder folder.

    Both encoders are loaded again with transformers alone and have to give the
    checkpoint's own outputs; only then the folder gets its name.

    checkpoint (Path): Folder `best` or `last` of a run.
    output (Path): The encoder folder.
    base (str | None): Base encoder; None: where the config of the run has it.
    concept_base (str | None): Base of the concept encoder, if it was another one; None:
        where the config of the run has it.
    overwrite (bool): Replace an encoder folder that is there.
    RETURNS (Exported): What was written.
    RAISES (ValueError): If the base encoder is another one, if `output` is something
        else than an encoder folder, or if outputs differ.
    """
    header = read_header(checkpoint)
    check_output(output, overwrite=overwrite)
    base, concept_base = find_bases(header, base, concept_base)
    tokenizer, concept_tokenizer = load_tokenizer(base), load_tokenizer(concept_base)
    check_bases(header, base, concept_base)
    weights = load_weights(checkpoint)
    text_encoder = _load(base, weights["text"])
    concept_encoder = _load(concept_base, weights["concept"])
    projection = None
    if "projection" in weights:
        width = int(concept_encoder.config.hidden_size)
        projection = make_projection(weights["projection"], width=width)
    with replace_folder(output) as beside:
        text_encoder.save_pretrained(beside, safe_serialization=True)
        tokenizer.save_pretrained(beside)
        concept_encoder.save_pretrained(
            beside / CONCEPT_FOLDER, safe_serialization=True
        )
        concept_tokenizer.save_pretrained(beside / CONCEPT_FOLDER)
        if projection is not None:
            save_projection(projection, beside / CONCEPT_FOLDER)
        base_name = get_name(base)
        records = TrainLog(checkpoint.parent / LOG).read()
        done = [r for r in records if r["step"] <= header.progress.step]
        card = write_card(
            header,
            name=output.name,
            base=base_name,
            concept_base=get_name(concept_base),
            is_projected=projection is not None,
            records=done,
        )
        (beside / "README.md").write_text(card, encoding="utf8")
        record = describe(header, text_encoder, concept_encoder)
        record |= {"base": base_name, "concept_base": get_name(concept_base)}
        text = json.dumps(record, indent=2) + "\n"
        (beside / "nuner.json").write_text(text, encoding="utf8")
        difference = max(
            compare(text_encoder, beside),
            compare(concept_encoder, beside / CONCEPT_FOLDER, projection),
        )
        check_difference(difference)
    return Exported(output, header.progress.step, difference)


@contextmanager
def replace_folder(output: Path) -> Iterator[Path]:
    """Write an encoder folder beside the old one; it gets its name at the end.

    output (Path): The folder to make or replace.
    YIELDS (Path): Where to write. It is removed if the block fails.
    """
    beside = output.with_name(output.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        yield beside
        for path in beside.rglob("*"):
            if path.is_file():
                path.chmod(FILE_MODE)
        if output.exists():
            shutil.rmtree(output)
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_difference(difference: float) -> None:
    """Check that an exported encoder gives the checkpoint's outputs.

    difference (float): From `compare`.
    RAISES (ValueError): If it is too large, or not a number.
    """
    if not difference <= TOLERANCE:
        at = {"difference": difference, "tolerance": TOLERANCE}
        raise ValueError(Errors.N313.format(**at))


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


def find_bases(
    header: Header, base: str | None, concept_base: str | None
) -> tuple[str, str]:
    """Find out what both encoders started from.

    header (Header): The checkpoint's.
    base (str | None): Where the base encoder is now; None: where it was.
    concept_base (str | None): The same of the concept encoder.
    RETURNS (tuple[str, str]): The text encoder's base and the concept encoder's.
    """
    model = header.info.config["pretrain"]["model"]
    base = base or str(model["encoder"])
    return base, concept_base or model.get("concept_encoder") or base


def check_bases(header: Header, base: str, concept_base: str) -> None:
    """Check that the bases are those that the run started from.

    header (Header): The checkpoint's.
    base (str): The text encoder's base.
    concept_base (str): The concept encoder's.
    RAISES (ValueError): If one of them has other weights or another tokenizer.
    """
    expected = header.info.settings["pretrain.model.encoder"]
    second = header.info.settings["pretrain.model.concept_encoder"] or expected
    for option, path, digest in (
        ("--base", base, expected),
        ("--concept-base", concept_base, second),
    ):
        if not is_base(path, digest):
            got = get_encoder_digest(path)
            raise ValueError(
                Errors.N311.format(base=path, got=got, expected=digest, option=option)
            )


def get_name(base: str) -> str:
    """RETURNS (str): Name of a base encoder, without where it is."""
    path = Path(base)
    # All concept encoders of exports have the same folder name
    is_inner = path.name == CONCEPT_FOLDER
    return f"{path.parent.name}/{path.name}" if is_inner else path.name


def describe(
    header: Header, text_encoder: PreTrainedModel, concept_encoder: PreTrainedModel
) -> dict[str, Any]:
    """Make the content of `nuner.json`, but for the names of the bases.

    header (Header): The checkpoint's.
    text_encoder (PreTrainedModel): The text encoder.
    concept_encoder (PreTrainedModel): The concept encoder.
    RETURNS (dict[str, Any]): What a reader needs to know beside the two encoders.
    """
    settings = header.info.settings
    return {
        "format": FORMAT,
        "n_layers": len(find_layers(text_encoder)),
        "width": int(text_encoder.config.hidden_size),
        "concept_width": int(concept_encoder.config.hidden_size),
        "n_frozen_layers": settings["pretrain.model.n_frozen_layers"],
        "temperature": header.temperature,
        "bias": header.bias,
        "pooling": settings["pretrain.model.pooling"],
        "step": header.progress.step,
        "corpus": header.info.corpus,
        "settings": settings,
    }


def compare(
    model: PreTrainedModel, folder: Path, projection: nn.Linear | None = None
) -> float:
    """Load an exported encoder with transformers alone and compare the outputs.

    model (PreTrainedModel): The encoder with the checkpoint's weights.
    folder (Path): Where it was exported to.
    projection (nn.Linear | None): What comes behind a concept encoder of another width.
    RETURNS (float): The largest absolute difference of the last hidden states, behind
        the projection if there is one.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(list(PROBES), padding=True, return_tensors="pt")
    options = pooling_layer_option(model.config)
    reloaded = AutoModel.from_pretrained(folder, **options).eval()
    with torch.no_grad():
        ours = project(projection, model.eval()(**inputs).last_hidden_state)
        known = load_projection(folder, width=int(reloaded.config.hidden_size))
        theirs = project(known, reloaded(**inputs).last_hidden_state)
    if ours.shape != theirs.shape:  # (n_texts, length, width) both
        return float("inf")
    return float((ours - theirs).abs().max())


def _load(base: str, weights: dict[str, Tensor]) -> PreTrainedModel:
    model = load_model(base)
    model.load_state_dict(weights)
    return model
