"""The pipeline of a training config around a frozen encoder (Section 4.1).

Vectors come from its `transformer`, tags and labels from its pipe `nuner`, so that what
is done on arrays is what `spacy train` does with the same config.
"""

import inspect
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from spacy.language import Language
from spacy.training import Example
from spacy.util import load_config, load_model_from_config, registry
from thinc.api import Config

from ..errors import Errors
from .data import Dataset, Gold, Ints, copy_tokens, sha256_of
from .features import PIPE, Vectors
from .heads import Recipe, make_pipe


def read_recipe(config: Config) -> Recipe:
    """Read optimizer and number of steps from a training config.

    config (Config): Config of `spacy train`.
    RETURNS (Recipe): The recipe.
    RAISES (ValueError): If the config does not fix the number of steps.
    """
    training = config.interpolate()["training"]
    max_steps = training.get("max_steps", 0)
    if max_steps < 1 or training.get("max_epochs") or training.get("patience"):
        raise ValueError(
            Errors.N507.format(
                max_steps=max_steps,
                max_epochs=training.get("max_epochs"),
                patience=training.get("patience"),
            )
        )
    # spaCy counts steps from 0 and stops after the one numbered max_steps
    return Recipe(training["optimizer"], max_steps + 1)


def head_code_sha256(config: Config) -> str:
    """Hash the code of the head, so that no cell outlives a change of its arithmetic.

    config (Config): Config of `spacy train`.
    RETURNS (str): SHA-256 of the folder in which the head's architecture is written.
    """
    name = config["components"][PIPE]["model"]["@architectures"]
    file = Path(inspect.getfile(registry.get("architectures", name)))
    return sha256_of(
        [path.read_text("utf8") for path in sorted(file.parent.rglob("*.py"))]
    )


def load_frozen(
    config: Config, encoder: Path, dataset: Dataset, *, layers: Sequence[int] = ()
) -> Language:
    """Build the pipeline of the config with its encoder read in.

    config (Config): Config of `spacy train` with a `transformer` and a `nuner` pipe.
    encoder (Path): Folder of the encoder, whatever the config says.
    dataset (Dataset): A data set, whose first sentences initialize the pipe.
    layers (Sequence[int]): Hidden states to join, whatever the config says; none given:
        those of the config.
    RETURNS (Language): The pipeline.
    """
    config = Config(deepcopy(config))
    # Labels and start of the head are given here, cell by cell
    config["initialize"]["components"] = {}
    model = config["components"]["transformer"]["model"]
    model["name"] = str(encoder)
    if layers:
        model["layers"] = list(layers)
    nlp = load_model_from_config(config, auto_fill=True)
    indices = [i for i, n in enumerate(dataset.pool.lengths) if n][:2]
    examples = make_examples(nlp, dataset.pool, indices)
    pipe: Any = nlp.get_pipe(PIPE)
    pipe.initialize(lambda: examples, nlp=nlp, labels=dataset.labels, keep_vectors_mb=0)
    return nlp


def list_label_vectors(encoder: Path, names: Sequence[Sequence[str]]) -> Vectors:
    """Embed labels by the concept encoder of an encoder folder.

    encoder (Path): The encoder folder.
    names (Sequence[Sequence[str]]): Phrases of each label.
    RETURNS (Vectors): (n_labels, width).
    """
    embed: Any = registry.get("misc", "spacy-nuner.embed_labels.v1")
    vectors: Vectors = embed(encoder, names)
    return vectors


def count_layers(encoder: Path) -> int:
    """RETURNS (int): Layers of an encoder folder, from its `config.json`."""
    if not (encoder / "config.json").is_file():
        raise FileNotFoundError(Errors.N001.format(what="encoder", path=encoder))
    return int(srsly.read_json(encoder / "config.json")["num_hidden_layers"])


def uses_whitening(config: Config) -> bool:
    """Whether the config trains on whitened vectors where an encoder has a calibration.

    The whitening is that of the vectors that the encoder gives by default.

    config (Config): Config of `spacy train`.
    RETURNS (bool): False for other vectors, or where the config says so.
    """
    config = config.interpolate()
    model = config["components"]["transformer"]["model"]
    begin = config.get("initialize", {}).get("components", {}).get(PIPE, {})
    default = {"layers": None, "join": "concat", "pooling": "mean"}
    plain = all(model.get(name, value) == value for name, value in default.items())
    return plain and bool(begin.get("whiten", True))


def make_tagger(config: Config, labels: Sequence[str]) -> Any:
    """RETURNS (Pipe): The config's pipe with these labels, to say what is to learn."""
    pipe = make_pipe(config)
    for label in labels:
        pipe.add_label(label)
    return pipe


def gold_tag_ids(tagger: Any, gold: Gold, indices: Sequence[int] | Ints) -> Ints:
    """Tags of the tokens of some sentences, as the pipe learns them.

    tagger (Pipe): From `make_tagger`.
    gold (Gold): The sentences.
    indices (Sequence[int]): Which of them.
    RETURNS (Ints): Tag of each token, -1 where there is none to learn.
    """
    examples = make_examples(tagger.nlp, gold, indices)
    tags = [tagger.gold_tags(example) for example in examples]
    return np.concatenate([np.zeros(0, dtype="int64"), *tags]).astype("int64")


def make_examples(
    nlp: Language, gold: Gold, indices: Sequence[int] | Ints
) -> list[Example]:
    """RETURNS (list[Example]): Bare copies of sentences with their gold."""
    references = [gold.docs[i] for i in indices]
    return [Example(copy_tokens(doc, nlp.vocab), doc) for doc in references]


def read_names(path: Path, labels: Sequence[str]) -> dict[str, list[str]]:
    """Read what the labels are called in plain words.

    path (Path): `assets/labels/<dataset>.yml`.
    labels (Sequence[str]): Labels of the data set.
    RETURNS (dict[str, list[str]]): Phrases for each label, in their order.
    """
    read: Any = registry.get("misc", "spacy-nuner.read_label_names.v1")
    names: dict[str, list[str]] = read(path, labels)
    return names


def read_config(path: Path, overrides: Mapping[str, Any]) -> Config:
    """RETURNS (Config): The config, variables not yet filled in."""
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="config", path=path))
    return load_config(path, overrides=dict(overrides), interpolate=False)
