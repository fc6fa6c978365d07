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
from .heads import PIPE, Recipe


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
        [path.read_text("utf8") for path in sorted(file.parent.glob("*.py"))]
    )


def load_frozen(
    config: Config, encoder: Path, dataset: Dataset, *, layers: Sequence[int] = ()
) -> Language:
    """Build the pipeline of the config with its encoder read in.

    config (Config): Config of `spacy train` with a `transformer` and a `nuner` pipe.
    encoder (Path): Folder of the encoder, whatever the config says.
    dataset (Dataset): A data set, whose first sentences initialize the pipe.
    layers (Sequence[int]): Hidden states to look at besides what the config says; each
        gets a pipe of its own, named by `layer_pipe`.
    RETURNS (Language): The pipeline.
    """
    config = Config(deepcopy(config))
    # Labels and start of the head are given here, cell by cell
    config["initialize"]["components"] = {}
    model = config["components"]["transformer"]["model"]
    model["name"] = str(encoder)
    if layers:
        model.setdefault("transformer_config", {})["output_hidden_states"] = True
    nlp = load_model_from_config(config, auto_fill=True)
    for layer in layers:
        nlp.add_pipe(PIPE, name=layer_pipe(layer), config=_at_layer(nlp, layer))
    indices = [i for i, n in enumerate(dataset.pool.lengths) if n][:2]
    examples = make_examples(nlp, dataset.pool, indices)
    for name in nlp.pipe_names:
        if name == PIPE or name.startswith(f"{PIPE}_"):
            pipe: Any = nlp.get_pipe(name)
            pipe.initialize(lambda: examples, nlp=nlp, labels=dataset.labels)
    return nlp


def layer_pipe(layer: int) -> str:
    """RETURNS (str): Name of the pipe that looks at a hidden state."""
    return f"{PIPE}_hidden_{layer}"


def _at_layer(nlp: Language, layer: int) -> dict[str, Any]:
    config = deepcopy(nlp.get_pipe_config(PIPE))
    tok2vec = {
        "@architectures": "spacy-nuner.HiddenStatesListener.v1",
        "layer": layer,
        "pooling": config["model"]["tok2vec"]["pooling"],
    }
    config["model"]["tok2vec"] = tok2vec
    return {k: v for k, v in config.items() if k != "factory"}


def count_layers(encoder: Path) -> int:
    """RETURNS (int): Layers of an encoder folder, from its `config.json`."""
    if not (encoder / "config.json").is_file():
        raise FileNotFoundError(Errors.N001.format(what="encoder", path=encoder))
    return int(srsly.read_json(encoder / "config.json")["num_hidden_layers"])


def make_examples(
    nlp: Language, gold: Gold, indices: Sequence[int] | Ints
) -> list[Example]:
    """RETURNS (list[Example]): Bare copies of sentences with their gold."""
    references = [gold.docs[i] for i in indices]
    return [Example(copy_tokens(doc, nlp.vocab), doc) for doc in references]


def gold_tag_ids(nlp: Language, gold: Gold, indices: Sequence[int] | Ints) -> Ints:
    """Tags of the tokens of some sentences, as the pipe learns them.

    nlp (Language): The pipeline, whose head is started for the labels at hand.
    gold (Gold): The sentences.
    indices (Sequence[int]): Which of them.
    RETURNS (Ints): Tag of each token, -1 where there is none to learn.
    """
    pipe: Any = nlp.get_pipe(PIPE)
    tags = [pipe.gold_tags(example) for example in make_examples(nlp, gold, indices)]
    return np.concatenate([np.zeros(0, dtype="int64"), *tags]).astype("int64")


def start_labels(nlp: Language, labels: Sequence[str], vectors: Path) -> None:
    """Tell the pipe the labels of a data set, before there is anything to learn.

    nlp (Language): The pipeline.
    labels (Sequence[str]): The labels.
    vectors (Path): Some vectors of the encoder, for their width.
    """
    width = np.load(vectors, mmap_mode="r").shape[1]
    pipe: Any = nlp.get_pipe(PIPE)
    pipe.start_head(np.ones((1, width), dtype="float32"), list(labels))


def read_names(path: Path, labels: Sequence[str]) -> dict[str, str]:
    """Read what the labels are called in plain words.

    path (Path): `assets/labels/<dataset>.yml`.
    labels (Sequence[str]): Labels of the data set.
    RETURNS (dict[str, str]): Name of each label, in their order.
    RAISES (FileNotFoundError): If the file is missing.
    RAISES (ValueError): If a label has no name.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="label names", path=path))
    entries = srsly.read_yaml(path)
    missing = [
        label
        for label in labels
        if not isinstance(entries.get(label), Mapping) or not entries[label].get("name")
    ]
    if missing:
        raise ValueError(Errors.N508.format(path=path, labels=", ".join(missing)))
    return {label: str(entries[label]["name"]) for label in labels}


def read_config(path: Path, overrides: Mapping[str, Any]) -> Config:
    """RETURNS (Config): The config, variables not yet filled in."""
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="config", path=path))
    return load_config(path, overrides=dict(overrides), interpolate=False)
