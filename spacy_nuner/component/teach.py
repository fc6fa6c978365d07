"""Teach a pipeline a few everyday labels from the concept corpus alone."""

import logging
import os
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans, load_config, load_model_from_config, registry
from spacy.vocab import Vocab
from thinc.api import Optimizer
from thinc.types import Ragged
from tqdm import tqdm

from ..errors import Errors
from .concept_docs import SPANS_KEY, read_docs
from .concept_map import ConceptMap, is_name, read_concept_map
from .encoder.model import keep_vectors

logger = logging.getLogger(__name__)

BATCH = 64
METRICS = "metrics.json"
# MiB for the vectors of the corpus while the head is trained
KEEP_MB = 4096


@dataclass(frozen=True)
class Settings:
    """Section [teach] of the config."""

    labels: str
    start: str
    n_epochs: int
    batch_size: int
    seed: int
    optimizer: Optimizer
    meta: Mapping[str, Any]


def teach(
    config_path: Path,
    corpus_dir: Path,
    encoder: Path,
    output: Path,
    *,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a pipeline on an encoder, teach its head from concepts, score and save it.

    Mentions of a concept that belongs to a label become entities of that label, all
    other tokens are "O". The encoder is frozen: vectors are computed once, then the
    head is trained in minibatches.

    config_path (Path): Config of a pipeline with a section [teach].
    corpus_dir (Path): `corpus/concepts`, with DocBin files under train and dev.
    encoder (Path): Encoder folder.
    output (Path): Folder of the pipeline; an older one is replaced.
    overrides (Mapping[str, Any] | None): Settings to change in the config.
    RETURNS (dict[str, Any]): The metrics, also in `metrics.json` of the pipeline.
    RAISES (ValueError): For faulty settings, or a corpus without entities of a label.
    """
    if not config_path.is_file():
        raise ValueError(Errors.N001.format(what="config", path=config_path))
    if not (encoder / "config.json").is_file():
        raise ValueError(Errors.N001.format(what="encoder folder", path=encoder))
    changes = {"paths.encoder": str(encoder), **(overrides or {})}
    config = load_config(config_path, overrides=changes, interpolate=True)
    settings = read_settings(config.pop("teach", {}), config_path)
    concepts = read_concept_map(Path(settings.labels))
    nlp = load_model_from_config(config, auto_fill=True)
    sets = {
        part: list(read_entities(corpus_dir / part, concepts, nlp.vocab))
        for part in ("train", "dev")
    }
    counts = {part: count_labels(docs, concepts) for part, docs in sets.items()}
    absent = [label for label, n in counts["train"].items() if not n]
    if absent:
        labels = ", ".join(absent)
        raise ValueError(Errors.N421.format(labels=labels, path=corpus_dir / "train"))
    train_pipe(nlp, sets["train"], encoder, settings)
    scores = nlp.evaluate([make_example(doc) for doc in sets["dev"]], batch_size=BATCH)
    metrics = {
        "labels": {
            label: {
                "n_train": counts["train"][label],
                "n_dev": counts["dev"][label],
                **(scores["ents_per_type"] or {}).get(label, {}),
            }
            for label in concepts.names
        },
        "n_train_sentences": len(sets["train"]),
        "n_dev_sentences": len(sets["dev"]),
        **{key: scores[key] for key in ("ents_p", "ents_r", "ents_f")},
        "token_macro_f1": scores["nuner_token_macro_f"],
    }
    nlp.meta.update(settings.meta)
    nlp.meta["performance"] = {k: v for k, v in metrics.items() if k.startswith("ents")}
    save(nlp, output, metrics)
    return metrics


def read_settings(section: Mapping[str, Any], path: Path) -> Settings:
    """Resolve the section [teach].

    section (Mapping[str, Any]): The section.
    path (Path): The config, for the error.
    RETURNS (Settings): The settings.
    RAISES (ValueError): If one is missing or unknown.
    """
    names = {field.name for field in fields(Settings)}
    wrong = sorted(names ^ set(section))
    if wrong:
        raise ValueError(
            Errors.N420.format(
                path=path, wrong=", ".join(wrong), allowed=", ".join(sorted(names))
            )
        )
    return Settings(**registry.resolve({"teach": dict(section)})["teach"])


def read_entities(folder: Path, concepts: ConceptMap, vocab: Vocab) -> Iterator[Doc]:
    """Read the concept corpus with entities in the place of concepts.

    Where mentions overlap the longest stays, of equal ones the first; see `set_gold`.

    folder (Path): Folder of DocBin files.
    concepts (ConceptMap): What becomes an entity.
    vocab (Vocab): Vocab of the docs.
    YIELDS (Doc): Docs with `doc.ents`, without spans.
    RAISES (ValueError): If there are no files.
    """
    for doc in read_docs(folder, vocab):
        set_gold(doc, concepts)
        yield doc


def set_gold(doc: Doc, concepts: ConceptMap) -> None:
    """Turn mentions of concepts into entities, or into missing annotation.

    Missing are mentions of unclear concepts, and those that have a capital letter but
    are not written like a name, where names are wanted: "Bergen airport", but also
    "Trap shooters" at the start of a sentence.

    doc (Doc): Doc with mentions in its spans.
    concepts (ConceptMap): What becomes an entity.
    """
    found, unclear = [], []
    for span in doc.spans.get(SPANS_KEY, ()):
        label = concepts.find_label(span.label_)
        if span.label_ in concepts.unclear:
            unclear.append(span)
        elif label is None:
            continue
        elif label not in concepts.proper or is_name(span.text):
            found.append(Span(doc, span.start, span.end, label=label))
        elif span.text != span.text.lower():
            unclear.append(span)
    doc.spans.clear()
    entities = filter_spans(found)
    taken = {token.i for ent in entities for token in ent}
    missing = {token.i for span in unclear for token in span} - taken
    doc.set_ents(entities, missing=[doc[i : i + 1] for i in sorted(missing)])


def count_labels(docs: Iterable[Doc], concepts: ConceptMap) -> dict[str, int]:
    """Count entities of each label."""
    counts = dict.fromkeys(concepts.names, 0)
    for doc in docs:
        for ent in doc.ents:
            counts[ent.label_] += 1
    return counts


def make_example(doc: Doc) -> Example:
    """A bare copy of a doc, with the doc as its gold."""
    spaces = [bool(token.whitespace_) for token in doc]
    words = [token.text for token in doc]
    return Example(Doc(doc.vocab, words=words, spaces=spaces), doc)


def train_pipe(
    nlp: Language, docs: Sequence[Doc], encoder: Path, settings: Settings
) -> None:
    """Encode the docs once, start the head, train it in minibatches.

    nlp (Language): Pipeline with a `transformer` and a `nuner`, not yet initialized.
    docs (Sequence[Doc]): Docs with gold entities.
    encoder (Path): Encoder folder, for the concept encoder.
    settings (Settings): How to train.
    """
    pipe: Any = nlp.get_pipe("nuner")
    transformer: Any = nlp.get_pipe("transformer")
    examples = [make_example(doc) for doc in docs]
    pipe.initialize(
        lambda: examples,
        nlp=nlp,
        labels=list(read_concept_map(Path(settings.labels)).names),
        start=settings.start,
        encoder=encoder,
        label_names=settings.labels,
        keep_vectors_mb=KEEP_MB,
    )
    vectors: list[NDArray[np.float32]] = []
    for i in tqdm(range(0, len(docs), BATCH), desc="encode", disable=None):
        batch = [eg.predicted for eg in examples[i : i + BATCH]]
        vectors += [rows.copy() for rows in pipe.features(transformer.pipe(batch))]
        for doc in batch:
            doc._.trf_data = None
    keep_vectors(transformer.model, 0)
    tags = [pipe.gold_tags(example) for example in examples]
    rng = random.Random(settings.seed)
    order = list(range(len(docs)))
    sgd, learn_rate = settings.optimizer, settings.optimizer.learn_rate
    n_steps = settings.n_epochs * -(-len(docs) // settings.batch_size)
    progress = tqdm(total=n_steps, desc="teach", disable=None)
    step = 0
    for epoch in range(settings.n_epochs):
        rng.shuffle(order)
        losses = []
        for i in range(0, len(order), settings.batch_size):
            chosen = order[i : i + settings.batch_size]
            lengths: Any = np.array([len(vectors[j]) for j in chosen])
            rows: Any = np.concatenate([vectors[j] for j in chosen])
            Y = np.concatenate([tags[j] for j in chosen])
            # Linear decay to zero, whatever the size of the corpus
            sgd.learn_rate = learn_rate * (1 - step / n_steps)
            losses += pipe.train_head(Ragged(rows, lengths), Y, sgd=sgd, n_steps=1)
            step += 1
            progress.update()
        logger.info("Epoch %d: loss %.4f", epoch, sum(losses) / len(losses))
    progress.close()


def save(nlp: Language, output: Path, metrics: Mapping[str, Any]) -> None:
    """Write the pipeline beside its place, then put it there.

    nlp (Language): The pipeline.
    output (Path): Its folder.
    metrics (Mapping[str, Any]): For `metrics.json`.
    """
    beside = output.with_name(output.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(beside)
    srsly.write_json(beside / METRICS, dict(metrics))
    if output.exists():
        shutil.rmtree(output)
    os.replace(beside, output)
