"""Train a few-shot pipeline as `spacy train` does, from docs in memory."""

import io
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as run_loop
from spacy.util import load_config
from thinc.api import Config, NumpyOps, get_current_ops, use_ops

from ...errors import Errors, Warnings
from ..encoder.model import find_transformer_model, keep_vectors
from ..label_encoder import FOLDER
from .labels import Names

logger = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parent.parent / "templates"
FROZEN, FINETUNE = TEMPLATES / "fewshot.cfg", TEMPLATES / "fewshot_finetune.cfg"
PIPE = "nuner"


def read_config(
    path: Path | None,
    *,
    encoder: Path,
    lang: str | None = None,
    finetune: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Read a training config and fit it to an encoder.

    path (Path | None): Config of `spacy train`; None: the one of the package.
    encoder (Path): Encoder folder.
    lang (str | None): Language of the texts, for the tokeniser; None: the config's.
    finetune (bool): Whether the package's config is the one that trains the encoder.
    overrides (Mapping[str, Any] | None): Settings to change.
    RETURNS (Config): The config, variables not filled in.
    RAISES (ValueError): If config, encoder or the pipe `nuner` is missing.
    """
    path = path or (FINETUNE if finetune else FROZEN)
    if not path.is_file():
        raise ValueError(Errors.N001.format(what="config", path=path))
    if not (encoder / "config.json").is_file():
        raise ValueError(Errors.N001.format(what="encoder folder", path=encoder))
    config = load_config(path, interpolate=False)
    pipes = list(config.get("components", {}))
    if PIPE not in pipes:
        raise ValueError(
            Errors.N436.format(path=path, name=PIPE, pipes=", ".join(pipes) or "none")
        )
    config.setdefault("paths", {})["encoder"] = str(encoder.resolve())
    if lang is not None:
        config.setdefault("nlp", {})["lang"] = lang
    options = config.setdefault("initialize", {}).setdefault("components", {})
    start = options.setdefault(PIPE, {})
    if start.get("start") == "concept" and not (encoder / FOLDER).is_dir():
        logger.warning(Warnings.W405.format(path=encoder))
        start["start"] = "random"
    if overrides:
        text = config.to_str()
        config = Config().from_str(text, overrides=dict(overrides), interpolate=False)
    return config


def train_pipeline(config: Config, docs: Sequence[Doc], names: Names) -> Language:
    """Train a pipeline; the same code runs as in `spacy train` with the same config.

    config (Config): From `read_config`.
    docs (Sequence[Doc]): Docs with gold entities.
    names (Names): The labels and their phrases.
    RETURNS (Language): The trained pipeline, which forgets where the data were.
    """
    with TemporaryDirectory() as folder, quick_products():
        data, phrases = Path(folder) / "train.spacy", Path(folder) / "names.yml"
        bare = [_keep_entities(doc) for doc in docs]
        DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=bare).to_disk(data)
        srsly.write_yaml(phrases, names)
        config = config.copy()
        before = {key: config["paths"].get(key) for key in ("train", "label_names")}
        config["paths"].update(train=str(data), label_names=str(phrases))
        start = config["initialize"]["components"][PIPE]
        start["labels"] = list(names)
        if "label_names" in start:
            start["label_names"] = "${paths.label_names}"
        nlp = init_nlp(config)
        training = nlp.config["training"]
        logs = training["logger"]
        kind = "train" if training["max_steps"] else "eval"
        training["logger"] = {
            "@loggers": "spacy.ConsoleLogger.v3",
            "progress_bar": kind,
        }
        run_loop(nlp, stdout=io.StringIO(), stderr=sys.stderr)
    training["logger"] = logs
    nlp.config["paths"].update(before)
    for _, proc in nlp.components:
        model = getattr(proc, "model", None)
        found = None if model is None else find_transformer_model(model)
        if found is not None:
            keep_vectors(found, 0)
    return nlp


@contextmanager
def quick_products() -> Iterator[None]:
    """Numpy's matrix product instead of thinc's: faster for so few columns."""
    if type(get_current_ops()) is NumpyOps:
        with use_ops("numpy", use_blis=False):
            yield
    else:
        yield


def _keep_entities(doc: Doc) -> Doc:
    """A copy with words and entities alone."""
    spaces = [bool(token.whitespace_) for token in doc]
    copy = Doc(doc.vocab, [token.text for token in doc], spaces)
    missing = [copy[t.i : t.i + 1] for t in doc if not t.ent_iob]
    ents = [copy.char_span(e.start_char, e.end_char, e.label_) for e in doc.ents]
    copy.set_ents([ent for ent in ents if ent is not None], missing=missing)
    return copy


def make_examples(nlp: Language, docs: Sequence[Doc]) -> list[Example]:
    """RETURNS (list[Example]): Texts, tokenised by the pipeline, with their gold."""
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]
