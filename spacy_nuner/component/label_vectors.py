"""Vectors of label names from the concept encoder that was trained with the encoder."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors

FOLDER = "concept_encoder"
SETTINGS = "nuner.json"
REQUIRED = ("temperature", "bias", "pooling")


def read_settings(concept_encoder: Path) -> tuple[Path, dict[str, Any]]:
    """Find the concept encoder and what `nuner.json` says of its training.

    concept_encoder (Path): `…/concept_encoder`, or the encoder folder that holds it.
    RETURNS (tuple[Path, dict[str, Any]]): The folder; temperature, bias, pooling.
    RAISES (ValueError): If folder, file or a setting is missing.
    """
    path = Path(concept_encoder)
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    if not (folder / "config.json").is_file():
        raise ValueError(Errors.N001.format(what="concept encoder", path=folder))
    file = folder.parent / SETTINGS
    if not file.is_file():
        raise ValueError(Errors.N408.format(path=file, problem="is missing"))
    settings = json.loads(file.read_text(encoding="utf8"))
    missing = [name for name in REQUIRED if name not in settings]
    if missing:
        raise ValueError(
            Errors.N408.format(path=file, problem=f"lacks {', '.join(missing)}")
        )
    if settings["pooling"] not in ("mean", "cls"):
        problem = f"names the unknown pooling {settings['pooling']!r}"
        raise ValueError(Errors.N408.format(path=file, problem=problem))
    return folder, settings


def embed_names(concept_encoder: Path, names: Iterable[str]) -> NDArray[np.float32]:
    """Embed names as concepts: pooled vectors ÷ temperature (paper, Section 3.2).

    The scalar product of a token's vector with one of these is the logit that the
    pre-training learned for "this token is of this concept", but for the bias.

    concept_encoder (Path): `…/concept_encoder`, or the encoder folder that holds it.
    names (Iterable[str]): Concepts in plain words.
    RETURNS (NDArray[np.float32]): (n_names, width).
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder, settings = read_settings(concept_encoder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModel.from_pretrained(str(folder), add_pooling_layer=False).eval()
    rows = []
    with torch.inference_mode():
        for name in names:
            # One at a time: padding then plays no part, and labels are few
            encoded = tokenizer(name.lower(), truncation=True, return_tensors="pt")
            hidden = model(**encoded).last_hidden_state[0]  # (n_pieces, width)
            mean = settings["pooling"] == "mean"
            rows.append((hidden.mean(0) if mean else hidden[0]).numpy())
    vectors: NDArray[np.float32] = np.stack(rows) / settings["temperature"]
    return vectors.astype("float32")
