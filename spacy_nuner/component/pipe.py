"""The pipe `nuner`: tokens' vectors to entities with confidences, trained by spaCy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d, Ints1d

from ..errors import Errors
from . import fit
from .annotations import ON_EXISTING, decode_doc, set_entities
from .decode import make_tags
from .gold import gold_tags, read_label_names, settle_labels
from .head import HeadT
from .label_vectors import embed_names
from .upstream import check_upstream_output, encode_examples

TAGGINGS = ("io", "bio")
STARTS = ("random", "concept")


class NuNER(TrainablePipe):
    """Pipe that tags tokens with entity types and reads entities off the tags."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "nuner",
        *,
        tagging: str = "io",
        on_existing: str = "overwrite",
        spans_key: str = "nuner",
        none_bias: float | None = None,
        pull: float = 1.0,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        """Initialize the pipe; see `factory.make_nuner` for the settings."""
        _check_setting("tagging", tagging, TAGGINGS)
        _check_setting("on_existing", on_existing, ON_EXISTING)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.tagging = tagging
        self.on_existing = on_existing
        self.spans_key = spans_key
        self.none_bias = none_bias
        self.pull = pull
        self.cfg: dict[str, Any] = {"labels": []}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """What `spacy init labels` saves."""
        return self.labels

    @property
    def tags(self) -> list[str]:
        """The tags, in the order of the head's outputs."""
        return make_tags(self.cfg["labels"], self.tagging)

    @property
    def head(self) -> HeadT:
        """The classifier on top of the token vectors."""
        return self.model.get_ref("head")

    @property
    def is_started(self) -> bool:
        """Whether the head has weights."""
        return bool(self.head.get_ref("output").has_param("W"))

    @property
    def _n_prefixes(self) -> int:
        return 1 if self.tagging == "io" else 2

    @property
    def _width(self) -> int:
        return int(self.head.get_ref("standardise").get_param("mean").shape[0])

    def _check_started(self) -> None:
        if not self.is_started:
            raise ValueError(Errors.N401.format(name=self.name))

    # Use in a pipeline

    def predict(self, docs: Iterable[Doc]) -> list[Floats2d]:
        """Compute the probabilities of the tags, per doc (n_tokens, n_tags)."""
        docs = list(docs)
        if not docs:
            return []
        xp: Any = self.model.ops.xp
        scores = self.tag_scores(xp.concatenate(self.features(docs)))
        return xp.split(scores, np.cumsum([len(doc) for doc in docs])[:-1])

    def set_annotations(self, docs: Iterable[Doc], scores: list[Floats2d]) -> None:
        """Set `doc.ents` and, with confidences, `doc.spans[spans_key]`."""
        for doc, probs in zip(docs, scores, strict=True):
            set_entities(
                doc,
                decode_doc(doc, self.model.ops.to_numpy(probs), self._n_prefixes),
                self.labels,
                spans_key=self.spans_key,
                on_existing=self.on_existing,
                name=self.name,
            )

    # Training by spaCy

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
        start: str = "random",
        concept_encoder: str | Path | None = None,
        label_names: str | Path | Mapping[str, Any] | None = None,
    ) -> None:
        """Set the labels, read a frozen encoder, start the head.

        get_examples (Callable): Returns the training examples.
        nlp (Language | None): The pipeline, needed if the model listens.
        labels (Sequence[str] | None): The labels; None to take those of the examples.
        start (str): "random", or "concept" for the vectors of the label names.
        concept_encoder (str | Path | None): Folder of the concept encoder.
        label_names (str | Path | Mapping | None): What each label is called in plain
            words: a mapping, or a YAML file like `assets/labels/*.yml`.
        RAISES (ValueError): For unknown settings, a gold label that is not among the
            labels, no labels at all, or no transformer to listen to.
        """
        validate_get_examples(get_examples, "NuNER.initialize")
        _check_setting("start", start, STARTS)
        if start == "concept" and concept_encoder is None:
            raise ValueError(Errors.N410.format(name=self.name))
        labels = settle_labels(get_examples(), labels, self.name)
        xp: Any = self.model.ops.xp
        X = xp.concatenate(list(encode_examples(self, get_examples, nlp)))
        vectors: Any = None
        if concept_encoder is not None and start == "concept":
            names = read_label_names(label_names, labels)
            vectors = embed_names(Path(concept_encoder), names.values())
        self.start_head(X, labels, label_vectors=vectors)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of examples; `drop` is that of a two-layer head."""
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "NuNER.update")
        self._check_started()
        if not any(len(eg.predicted) for eg in examples):
            return losses
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, d_logits = self.get_loss(examples, logits)
        backprop(d_logits)
        if sgd:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Mean cross-entropy of the annotated tokens, from logits, and its gradient."""
        xp: Any = self.model.ops.xp
        Y: Any = np.concatenate([self.gold_tags(eg) for eg in examples])
        filled = [logits for logits in scores if len(logits)]
        loss, flat = fit.softmax_loss(xp.concatenate(filled), xp.asarray(Y))
        ends = np.cumsum([len(logits) for logits in scores])[:-1]
        return loss, xp.split(flat, ends)

    def finish_update(self, sgd: Optimizer) -> None:
        """Take a step with the gradients collected so far and that of the pull."""
        fit.pull_back(self.head)
        self.model.finish_update(sgd)

    def add_label(self, label: str) -> int:
        """Add a label, not predicted before it's trained. RETURNS 0 if it's there."""
        if not isinstance(label, str) or not label:
            raise ValueError(Errors.N417.format(label=label))
        if label in self.labels:
            return 0
        n_tags = len(self.tags)
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self.is_started:
            fit.add_tags(self.head, len(self.tags) - n_tags)
        return 1

    # Arrays instead of docs, for those who encode each text once

    def features(self, docs: Iterable[Doc]) -> list[Floats2d]:
        """The encoder's token vectors, as the head gets them.

        docs (Iterable[Doc]): Docs with the output of the transformer.
        RETURNS (list[Floats2d]): Per doc (n_tokens, width).
        RAISES (ValueError): If a doc has not passed the transformer.
        """
        docs = list(docs)
        check_upstream_output(self.model, docs, self.name)
        # The layers below fail on docs without tokens if there are no others
        filled = [doc for doc in docs if len(doc)]
        X = self.model.get_ref("tok2vec").predict(filled) if filled else []
        width = X[0].shape[1] if X else self._width if self.is_started else 0
        rows = iter(X)
        empty = self.model.ops.alloc2f(0, width)
        return [next(rows) if len(doc) else empty for doc in docs]

    def label_vectors(self, concept_encoder: Path, names: dict[str, str]) -> Floats2d:
        """Embed names of the pipe's labels, (n_labels, width); see `embed_names`."""
        names = read_label_names(names, list(self.labels) or list(names))
        vectors: Any = embed_names(concept_encoder, names.values())
        return self.model.ops.asarray2f(vectors)

    def start_head(
        self,
        X: Floats2d,
        labels: list[str],
        *,
        label_vectors: Floats2d | None = None,
        none_bias: float | None = None,
    ) -> None:
        """Start the head, or start it again, for these labels.

        X (Floats2d): Token vectors of the training set, (n_tokens, width).
        labels (list[str]): The labels.
        label_vectors (Floats2d | None): One per label, for the concept start.
        none_bias (float | None): Bias of "O" in it; None for the pipe's setting.
        """
        start = None
        if label_vectors is not None:
            if none_bias is None:
                none_bias = self.none_bias
            start = fit.make_concept_start(
                self.model.ops.asarray2f(label_vectors),
                n_prefixes=self._n_prefixes,
                none_bias=fit.NONE_BIAS if none_bias is None else none_bias,
            )
        tags = make_tags(list(labels), self.tagging)
        fit.start_head(self.head, X, len(tags), start=start, pull=self.pull)
        self.cfg["labels"] = list(labels)
        for label in labels:
            self.vocab.strings.add(label)

    def train_head(
        self, X: Floats2d, Y: Ints1d, *, sgd: Optimizer, n_steps: int
    ) -> list[float]:
        """Take full-batch steps on arrays, see `fit.train_head`."""
        self._check_started()
        return fit.train_head(self.head, X, Y, sgd=sgd, n_steps=n_steps)

    def tag_scores(self, X: Floats2d) -> Floats2d:
        """Probabilities of the tags, (n_tokens, n_tags), from token vectors."""
        self._check_started()
        if not len(X):
            return self.model.ops.alloc2f(0, len(self.tags))
        if X.shape[1] != self._width:
            raise ValueError(Errors.N418.format(width=self._width, got=X.shape[1]))
        return self.model.ops.softmax(self.head.predict(X), inplace=True)

    def gold_tags(self, example: Example) -> Ints1d:
        """Tag index of each predicted token, -1 for missing; see `gold.gold_tags`."""
        return gold_tags(example, {tag: i for i, tag in enumerate(self.tags)})

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "NuNER":
        """Load the pipe from bytes, whatever labels it had before."""
        fit.forget(self.head)
        return super().from_bytes(bytes_data, exclude=exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "NuNER":
        """Load the pipe from a folder, whatever labels it had before."""
        fit.forget(self.head)
        return super().from_disk(path, exclude=exclude)


def _check_setting(name: str, got: str, allowed: tuple[str, ...]) -> None:
    if got not in allowed:
        raise ValueError(
            Errors.N409.format(name=name, got=got, allowed=", ".join(allowed))
        )
