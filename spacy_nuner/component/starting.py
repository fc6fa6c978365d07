"""How a pipe begins: its labels, what it knows of them, its head."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from spacy.language import Language
from spacy.training import Example, validate_get_examples
from thinc.api import Model
from thinc.types import Floats2d, Ints1d, Ragged

from ..errors import Errors
from . import fit
from .calibration import Calibration, check_layers, find_thresholds, read_calibration
from .decode import make_tags
from .encoder.cache import VectorCache
from .encoder.model import find_transformer_model, get_shim, keep_vectors
from .gold import settle_labels
from .label_encoder import LabelEncoder, embed_labels
from .label_names import read_label_names
from .settings import CHOICES, check_choice
from .threshold import fit_none_shift
from .upstream import encode_examples, link_upstream
from .viterbi import learn_transitions

if TYPE_CHECKING:
    from .pipe import NuNER

MIB = 2**20
Names = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """How a pipe is to begin.

    labels (Sequence[str] | None): The labels; None for those of the pipe's settings, or
        else of the examples.
    start (str): "random", or "concept" for the vectors of the label names.
    encoder (str | Path | None): Encoder folder, with the concept encoder and the
        calibration; None for that of the pipe's settings.
    label_names (Names | None): What each label is called in plain words: a mapping, or
        a YAML file like `assets/labels/*.yml`.
    whiten (bool): Whether to use the whitening of the calibration.
    keep_vectors_mb (int): MiB of vectors that an encoder may keep from epoch to epoch
        while it's frozen; 0 to encode each time.
    """

    labels: Sequence[str] | None
    start: str
    encoder: str | Path | None
    label_names: Names | None
    whiten: bool
    keep_vectors_mb: int


def initialize(
    pipe: "NuNER",
    get_examples: Callable[[], Iterable[Example]],
    nlp: Language | None,
    plan: Plan,
) -> None:
    """Set the labels of a pipe, read what it hears, start its head.

    Without an entity in the examples there is nothing to learn from: labels that are
    given then begin, and stay, as their names' vectors (zero-shot).

    pipe (NuNER): The pipe.
    get_examples (Callable): Returns the training examples.
    nlp (Language | None): The pipeline.
    plan (Plan): What is wanted.
    """
    validate_get_examples(get_examples, "NuNER.initialize")
    check_choice("start", plan.start, CHOICES["start"])
    folder = plan.encoder or pipe.settings.encoder
    given = plan.labels if plan.labels is not None else pipe.settings.labels
    if folder is None and (plan.start == "concept" or pipe.settings.labels):
        raise ValueError(Errors.N410.format(name=pipe.name))
    upstream = [] if nlp is None else link_upstream(nlp, pipe, get_examples)
    if not upstream:
        docs = [eg.predicted for eg, _ in zip(get_examples(), range(10), strict=False)]
        pipe.model.get_ref("tok2vec").initialize(X=docs)
    if pipe.settings.encoder is not None:
        pipe.label_encoder = LabelEncoder(Path(pipe.settings.encoder))
    has_entities = any(eg.reference.ents for eg in get_examples())
    if given and folder is not None and not has_entities:
        encoder = pipe.label_encoder or LabelEncoder(Path(folder))
        names = read_label_names(plan.label_names, given)
        start_zero_shot(pipe, names, encoder, read_calibration(Path(folder)))
        return
    labels = settle_labels(get_examples(), given, pipe.name)
    models = [proc.model for proc in upstream]
    caches = [keep_upstream_vectors(model, plan.keep_vectors_mb) for model in models]
    pairs = list(encode_examples(pipe, get_examples(), upstream))
    for cache in caches:
        if cache is not None:
            cache.settle()
    xp: Any = pipe.model.ops.xp
    rows = [vectors for _, vectors in pairs] or [pipe.model.ops.alloc2f(0, 0)]
    lengths: Any = np.array([len(vectors) for _, vectors in pairs], dtype="int64")
    label_vectors: Any = None
    calibration = None
    if folder is not None:
        calibration = read_calibration(Path(folder))
        if plan.start == "concept":
            names = read_label_names(plan.label_names, labels)
            label_vectors = embed_labels(LabelEncoder(Path(folder)), names.values())
    set_label_names(pipe, labels)
    tags: list[Any] = [np.zeros(0, "int64")]
    tags += [pipe.gold_tags(eg) for eg, _ in pairs]
    begin(
        pipe,
        Ragged(xp.concatenate(rows), lengths),
        cast(Any, np.concatenate(tags)),
        labels,
        label_vectors,
        calibration,
        plan.whiten and fits_whitening(calibration, models),
    )


def begin(
    pipe: "NuNER",
    X: Ragged,
    Y: Ints1d | None,
    labels: Sequence[str],
    label_vectors: Floats2d | None,
    calibration: Calibration | None,
    whiten: bool,
) -> None:
    """Start the head of a pipe on the token vectors of a training set.

    pipe (NuNER): The pipe; what it knew before is forgotten.
    X (Ragged): Token vectors, (n_tokens, width), and the lengths of the texts.
    Y (Ints1d | None): Tag of each token, -1 where there is no annotation. None: there
        is nothing to learn from, see `begin_zero_shot`.
    labels (Sequence[str]): The labels.
    label_vectors (Floats2d | None): One per label, for the concept start.
    calibration (Calibration | None): What is known of the encoder.
    whiten (bool): Whether to use its whitening.
    """
    if Y is None:
        width, vectors = cast(Any, X.dataXd).shape[1], cast(Floats2d, label_vectors)
        return begin_zero_shot(pipe, width, labels, vectors, calibration)
    settings, ops = pipe.settings, pipe.model.ops
    start = None
    if label_vectors is not None:
        start = fit.make_concept_start(
            ops.asarray2f(label_vectors),
            n_prefixes=settings.n_prefixes,
            none_bias=settings.none_bias,
        )
    whitening = None
    if whiten and calibration is not None:
        whitening = ops.asarray2f(cast(Any, calibration.whitening))
    fit.start_head(
        pipe.head,
        cast(Floats2d, X.dataXd),
        len(make_tags(list(labels), settings.tagging)),
        start=start,
        whitening=whitening,
        pull=settings.pull,
    )
    set_label_names(pipe, labels)
    pipe.cfg["class_weights"] = None
    tags = ops.to_numpy(Y)
    set_transitions(pipe, tags, ops.to_numpy(X.lengths), calibration)
    if settings.class_weight:
        weights = fit.weigh_tags(tags, len(pipe.tags), settings.class_weight)
        pipe.cfg["class_weights"] = [float(weight) for weight in weights]
    if settings.none_threshold == "cross_validation":
        shift = fit_none_shift(pipe.head, X, Y, weights=pipe.class_weights)
        pipe.cfg["none_shift"] = shift


def keep_upstream_vectors(model: Model, n_mib: int) -> VectorCache | None:
    """Let a transformer keep its vectors as long as nothing changes them."""
    found = find_transformer_model(model)
    if found is None:
        return None
    keep_vectors(found, n_mib * MIB)
    return get_shim(found).cache


def fits_whitening(calibration: Calibration | None, models: Sequence[Model]) -> bool:
    """Whether a whitening was measured on vectors that the pipe gets.

    calibration (Calibration | None): What was measured.
    models (Sequence[Model]): Models of the components listened to.
    RETURNS (bool): False for other layers, and other models than ours.
    """
    if calibration is None or len(models) != 1:
        return False
    found = find_transformer_model(models[0])
    if found is None or found.attrs["pooling"] != "mean":
        return False
    encoder = get_shim(found).encoder
    return encoder.join == "concat" and check_layers(calibration, encoder.layers)


def set_label_names(pipe: "NuNER", labels: Sequence[str]) -> None:
    """Give a pipe its labels."""
    pipe.cfg["labels"] = list(labels)
    pipe.cfg["none_shift"] = 0.0
    for label in labels:
        pipe.vocab.strings.add(label)


def set_transitions(
    pipe: "NuNER", tags: Any, lengths: Any, calibration: Calibration | None
) -> None:
    """Learn the order of tags from a training set, which may be empty."""
    pipe.cfg["transitions"] = None
    if pipe.settings.tagging == "bio":
        found = learn_transitions(
            np.asarray(tags, dtype="int64"),
            np.asarray(lengths, dtype="int64"),
            weight=pipe.settings.transition_weight,
            prior=None if calibration is None else calibration.transitions,
        )
        pipe.cfg["transitions"] = found.tolist()


def set_zero_shot_labels(
    pipe: "NuNER", labels: Sequence[str] | Mapping[str, Any]
) -> None:
    """Give a pipe other labels without an example; see `NuNER.set_labels`."""
    if pipe.label_encoder is None:
        raise ValueError(Errors.N430.format(name=pipe.name))
    source = labels if isinstance(labels, Mapping) else None
    names = read_label_names(source, list(labels))
    if not names:
        raise ValueError(Errors.N403.format(name=pipe.name, count=0))
    calibration = read_calibration(pipe.label_encoder.folder.parent)
    start_zero_shot(pipe, names, pipe.label_encoder, calibration)


def start_zero_shot(
    pipe: "NuNER",
    names: Mapping[str, Sequence[str]],
    encoder: LabelEncoder,
    calibration: Calibration | None,
) -> None:
    """Let the head be the vectors of the labels' names; see `begin_zero_shot`.

    pipe (NuNER): The pipe.
    names (Mapping[str, Sequence[str]]): Phrases of each label.
    encoder (LabelEncoder): The concept encoder.
    calibration (Calibration | None): What is known of the encoder.
    """
    vectors: Any = embed_labels(encoder, names.values())
    nodes = pipe.model.get_ref("tok2vec").walk()
    width = [node.get_dim("nO") for node in nodes if node.has_dim("nO")][-1]
    begin_zero_shot(pipe, width, list(names), vectors, calibration)


def begin_zero_shot(
    pipe: "NuNER",
    width: int,
    labels: Sequence[str],
    label_vectors: Floats2d,
    calibration: Calibration | None,
) -> None:
    """Start a head that is not trained: label vectors, each with its threshold.

    The logit of a label is `scale * (h · v - threshold)`, that of "O" is 0: from the
    threshold on a token is of the label, and its confidence is above one half. Without
    a calibration the scale is 1 and the threshold is `none_bias` for all.

    pipe (NuNER): The pipe; what it was trained on is forgotten.
    width (int): Width of the token vectors.
    labels (Sequence[str]): The labels.
    label_vectors (Floats2d): One per label, (n_labels, concept_width).
    calibration (Calibration | None): What is known of the encoder.
    """
    n_prefixes = pipe.settings.n_prefixes
    thresholds: Any = np.full(len(labels), pipe.settings.none_bias, dtype="float32")
    scale = 1.0
    if calibration is not None:
        thresholds = find_thresholds(calibration, cast(Any, label_vectors))
        scale = calibration.scale
    start = fit.make_concept_start(
        scale * label_vectors, n_prefixes=n_prefixes, none_bias=0.0
    )
    biases: Any = start.biases
    biases[1:] = np.repeat(-scale * thresholds, n_prefixes)
    fit.start_head(
        pipe.head,
        pipe.model.ops.alloc2f(1, width),
        1 + n_prefixes * len(labels),
        start=start,
        whitening=pipe.model.ops.alloc1f(width) + 1.0,
        pull=0.0,
    )
    set_label_names(pipe, labels)
    pipe.cfg["class_weights"] = None
    set_transitions(pipe, [], [], calibration)
