"""Vectors of labels from the concept encoder that was trained with the encoder."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Errors
from .record import FILE_NAME as SETTINGS
from .record import read_record

FOLDER = "concept_encoder"
# Phrases of one length that are embedded together
BATCH = 64
REQUIRED = ("temperature", "bias", "pooling")

Vectors = NDArray[np.float32]


class LabelEncoder:
    """The concept encoder, read when it is first needed, and what it has computed."""

    def __init__(
        self, folder: Path, cache: Mapping[str, Vectors] | None = None
    ) -> None:
        """Find the encoder; nothing big is read yet.

        folder (Path): `…/concept_encoder`, or the encoder folder that holds it.
        cache (Mapping[str, Vectors] | None): Vectors of phrases that are known already.
        RAISES (ValueError): If folder, settings or one of the settings is missing.
        """
        self.folder, self.settings = read_settings(folder)
        self.cache = dict(cache or {})
        self._parts: tuple[Any, Any, Any] | None = None

    def embed(self, phrases: Sequence[str]) -> Vectors:
        """Embed a label: the mean of its phrases' pooled vectors ÷ temperature.

        Where the concept encoder is wider or narrower than the text encoder, pooled
        vectors pass the projection that was trained between the two.

        The scalar product of a token's vector with one of a concept is the logit that
        the pre-training learned for "this token is of this concept", but for the bias
        (paper, Section 3.2).

        phrases (Sequence[str]): One or more descriptions of the label.
        RETURNS (Vectors): (width,).
        """
        phrases = [phrase.lower() for phrase in phrases]
        self.prepare(phrases)
        return np.stack([self.cache[phrase] for phrase in phrases]).mean(axis=0)

    def prepare(self, phrases: Iterable[str]) -> None:
        """Compute the vectors of phrases that are not known yet.

        phrases (Iterable[str]): Descriptions of labels, in lower case.
        """
        missing = sorted(set(phrases) - set(self.cache))
        if not missing:
            return
        import torch

        from ..hf import mind_fork, project

        mind_fork()
        tokenizer, model, projection = self._read()
        mean = self.settings["pooling"] == "mean"
        temperature = self.settings["temperature"]
        ids = tokenizer(missing, truncation=True)["input_ids"]
        # Only those of one length together: no padding plays a part
        for length in sorted({len(row) for row in ids}):
            same = [i for i, row in enumerate(ids) if len(row) == length]
            for start in range(0, len(same), BATCH):
                chosen = same[start : start + BATCH]
                batch = torch.tensor([ids[i] for i in chosen])
                with torch.inference_mode():
                    hidden = model(input_ids=batch).last_hidden_state
                    pooled = hidden.mean(1) if mean else hidden[:, 0]
                    pooled = project(projection, pooled)  # (n_chosen, width)
                vectors = (pooled.numpy() / temperature).astype("float32")
                for i, vector in zip(chosen, vectors, strict=True):
                    self.cache[missing[i]] = vector.copy()

    def _read(self) -> tuple[Any, Any, Any]:
        if self._parts is None:
            from ..hf import load_model, load_projection, load_tokenizer

            name = str(self.folder)
            tokenizer, model = load_tokenizer(name), load_model(name).eval()
            width = int(model.config.hidden_size)
            self._parts = tokenizer, model, load_projection(name, width=width)
        return self._parts

    def copy_to(self, folder: Path) -> None:
        """Save the encoder: its files, and the settings beside its folder.

        folder (Path): Folder that gets `concept_encoder/` and `nuner.json`.
        """
        target = folder / FOLDER
        if target.resolve() != self.folder.resolve():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(self.folder, target)
        text = json.dumps(self.settings, indent=2) + "\n"
        (folder / SETTINGS).write_text(text, encoding="utf8")


def embed_labels(
    encoder: LabelEncoder | Path, names: Iterable[Sequence[str]]
) -> Vectors:
    """Embed labels; also registered as `spacy-nuner.embed_labels.v1` (misc).

    encoder (LabelEncoder | Path): The concept encoder, or an encoder folder with one.
    names (Iterable[Sequence[str]]): Phrases of each label.
    RETURNS (Vectors): (n_labels, width).
    """
    if isinstance(encoder, Path):
        encoder = LabelEncoder(encoder)
    names = [list(phrases) for phrases in names]
    encoder.prepare(phrase.lower() for phrases in names for phrase in phrases)
    return np.stack([encoder.embed(phrases) for phrases in names])


def read_settings(path: Path) -> tuple[Path, dict[str, Any]]:
    """Find the concept encoder and what `nuner.json` says of its training.

    path (Path): `…/concept_encoder`, or the encoder folder that holds it.
    RETURNS (tuple[Path, dict[str, Any]]): The folder; temperature, bias, pooling.
    RAISES (ValueError): If folder, file or a setting is missing.
    """
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    if not (folder / "config.json").is_file():
        raise ValueError(Errors.N001.format(what="concept encoder", path=folder))
    file = folder.parent / SETTINGS
    if not file.is_file():
        raise ValueError(Errors.N408.format(path=file, problem="is missing"))
    record = read_record(file)
    missing = [name for name in REQUIRED if name not in record]
    if missing:
        raise ValueError(
            Errors.N408.format(path=file, problem=f"lacks {', '.join(missing)}")
        )
    settings = {name: record[name] for name in REQUIRED}
    if settings["pooling"] not in ("mean", "cls"):
        problem = f"names the unknown pooling {settings['pooling']!r}"
        raise ValueError(Errors.N408.format(path=file, problem=problem))
    return folder, settings
