"""What the concept map is made of, and its file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import srsly
from spacy.util import registry

from ...errors import Errors
from .coverage import LabelSet
from .make import Embed
from .nearness import Floats


def make_embed(encoder: Path) -> Embed:
    """Make the function that embeds concepts and labels.

    encoder (Path): Encoder folder with its concept encoder.
    RETURNS (Embed): Phrases of each concept -> vectors, (n_concepts, width).
    """
    function: Any = registry.get("misc", "spacy-nuner.embed_labels.v1")

    def embed(phrases: Sequence[Sequence[str]]) -> Floats:
        vectors: Floats = function(encoder, phrases)
        return vectors

    return embed


def read_label_set(path: Path) -> LabelSet:
    """Read what the labels of a data set are called.

    path (Path): YAML like `assets/labels/gallery.yml`; its name is the data set's.
    RETURNS (LabelSet): The labels with their phrases.
    RAISES (ValueError): If the file is missing or has no labels.
    """
    if not path.is_file():
        raise ValueError(Errors.N001.format(what="label names", path=path))
    content = srsly.read_yaml(path)
    if not isinstance(content, dict) or not content:
        raise ValueError(Errors.N593.format(path=path, got=content))
    read_names: Any = registry.get("misc", "spacy-nuner.read_label_names.v1")
    return LabelSet(path.stem, read_names(path, list(content)))


def write_map(concept_map: dict[str, Any], path: Path) -> None:
    """Write the map, all or nothing.

    concept_map (dict[str, Any]): As `make_concept_map` gives it.
    path (Path): The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    # ASCII: half a surrogate pair in a web page's sentence must not end it
    beside.write_text(json.dumps(concept_map) + "\n", encoding="ascii")
    os.replace(beside, path)
