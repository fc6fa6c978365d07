"""The pipe `nuner`: tokens' vectors to entities with confidences, trained by spaCy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats1d, Floats2d, Ints1d, Ragged

from ..errors import Errors
from . import fit, serialize, starting
from .annotations import annotate, find_spaces
from .calibration import read_calibration
from .decode import Spaces, decode_tags, make_tags
from .gold import gold_tags
from .head import HeadT
from .label_encoder import LabelEncoder
from .settings import Settings
from .upstream import get_vectors, is_heard_later

Labels = Sequence[str] | Mapping[str, Any]


class NuNER(TrainablePipe):
    """Pipe that tags tokens with entity types and reads entities off the tags."""

    def __init__(
        self,
        nlp: Language,
        model: Model[list[Doc], Floats2d],
        name: str = "nuner",
        *,
        settings: Settings,
        scorer: Callable[..., dict[str, Any]] | None = None,
    ) -> None:
        """Initialize the pipe; see `factory.make_nuner` for the settings."""
        self.nlp = nlp
        self.vocab = nlp.vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.settings = settings
        self.label_encoder: LabelEncoder | None = None
        self.cfg: dict[str, Any] = {
            "labels": [],
            "class_weights": None,  # (n_tags,)
            "transitions": None,  # (3, 3)
            "none_shift": 0.0,
        }
        self._losses: list[float] = []  # since the last score
        serialize.record_versions(nlp)

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
        return make_tags(self.cfg["labels"], self.settings.tagging)

    @property
    def head(self) -> HeadT:
        """The classifier on top of the token vectors."""
        return self.model.get_ref("head")

    @property
    def is_started(self) -> bool:
        """Whether the head has weights."""
        return self.head.get_ref("output").has_param("W") is True

    def _check_started(self) -> None:
        if not self.is_started:
            raise ValueError(Errors.N401.format(name=self.name))

    # Use in a pipeline

    def predict(self, docs: Iterable[Doc]) -> list[Floats2d]:
        """Compute the probabilities of the tags, per doc (n_tokens, n_tags)."""
        docs = list(docs)
        xp: Any = self.model.ops.xp
        if not docs:
            return []
        vectors = self.features(docs)
        X = vectors[0] if len(vectors) == 1 else xp.concatenate(vectors)
        scores = self.tag_scores(X, np.array([len(doc) for doc in docs]))
        return xp.split(scores, np.cumsum([len(doc) for doc in docs])[:-1])

    def set_annotations(self, docs: Iterable[Doc], scores: list[Floats2d]) -> None:
        """Set `doc.ents` and, with confidences, `doc.spans[spans_key]`."""
        docs = list(docs)
        if not docs:
            return
        xp: Any = self.model.ops.xp
        probs = self.model.ops.to_numpy(xp.concatenate(scores))
        spaces = find_spaces(docs)
        tags = self.decode(probs, np.array([len(doc) for doc in docs]), spaces)
        annotate(docs, tags, probs, spaces, self.labels, self.settings, self.name)
        if not self.settings.keep_trf_data and not is_heard_later(self.nlp, self):
            for doc in docs:
                doc._.trf_data = None

    def decode(self, probs: Any, lengths: Any, spaces: Any) -> Any:
        """Choose a tag for each token of texts, see `decode.decode_tags`."""
        transitions = self.cfg["transitions"]
        if transitions is not None:
            transitions = np.array(transitions)
        return decode_tags(probs, lengths, Spaces(*spaces), transitions)

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score. `nuner_fit` is exp(-loss) of the updates since the last score, to stop
        early where there is no dev set: in hundredths, so that creeping counts as rest.
        """
        scores = dict(super().score(examples, **kwargs))
        if self._losses:
            scores["nuner_fit"] = round(float(np.exp(-np.mean(self._losses))), 2)
            self._losses = []
        return scores

    # Labels without training

    def set_labels(self, labels: Labels) -> None:
        """Find entities of these labels from now on, without any example (zero-shot).

        labels (Sequence[str] | Mapping[str, Any]): The labels, or what they are called
            by label, see `label_names.read_label_names`.
        """
        starting.set_zero_shot_labels(self, labels)

    def freeze_labels(self) -> None:
        """Drop the concept encoder; the labels that are set stay."""
        self._check_started()
        self.label_encoder = None
        self.settings.encoder = None

    # Training by spaCy

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
        start: str = "random",
        encoder: str | Path | None = None,
        label_names: str | Path | Mapping[str, Any] | None = None,
        whiten: bool = True,
        keep_vectors_mb: int = 1024,
    ) -> None:
        """Set the labels, read a frozen encoder, start the head.

        get_examples (Callable): Returns the training examples.
        nlp (Language | None): The pipeline, needed if the model listens.

        The other arguments, settings of `[initialize.components.nuner]`, are described
        at `starting.Plan`.
        """
        plan = starting.Plan(
            labels, start, encoder, label_names, whiten, keep_vectors_mb
        )
        starting.initialize(self, get_examples, nlp, plan)

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
        self._losses.append(loss)
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d
    ) -> tuple[float, Floats2d]:
        """Mean cross-entropy of the annotated tokens, from logits, and its gradient."""
        Y: Any = np.concatenate([self.gold_tags(eg) for eg in examples])
        xp: Any = self.model.ops.xp
        return fit.softmax_loss(scores, xp.asarray(Y), self.class_weights)

    @property
    def class_weights(self) -> Floats1d | None:
        """Weights of the tags in the loss; labels that joined later count as rare."""
        weights = self.cfg["class_weights"]
        if weights is None:
            return None
        n_new = len(self.tags) - len(weights)
        return self.model.ops.asarray1f(weights + n_new * [max(weights)])

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
        """Token vectors per doc, see `upstream.get_vectors`."""
        return get_vectors(self.model, list(docs), self.name)

    def begin(
        self,
        X: Ragged,
        Y: Ints1d | None,
        labels: Sequence[str],
        *,
        label_vectors: Floats2d | None = None,
        encoder: Path | None = None,
        whiten: bool = True,
    ) -> None:
        """Start the head on arrays; without Y it is not to be trained (zero-shot).
        An encoder folder gives its calibration. See `starting.begin`."""
        known = None if encoder is None else read_calibration(encoder)
        starting.begin(self, X, Y, labels, label_vectors, known, whiten)

    def train_head(
        self, X: Ragged, Y: Ints1d, *, sgd: Optimizer, n_steps: int
    ) -> list[float]:
        """Take full-batch steps on arrays, see `fit.train_head`."""
        self._check_started()
        how: Any = {"sgd": sgd, "n_steps": n_steps, "weights": self.class_weights}
        return fit.train_head(self.head, X, Y, **how)

    def tag_scores(self, X: Floats2d, lengths: Any) -> Floats2d:
        """Probabilities of the tags, (n_tokens, n_tags), from vectors of texts."""
        self._check_started()
        if not len(X):
            return self.model.ops.alloc2f(0, len(self.tags))
        width = self.head.get_ref("input").get_dim("nI")
        if X.shape[1] != width:
            raise ValueError(Errors.N418.format(width=width, got=X.shape[1]))
        logits = self.head.predict(Ragged(X, lengths))
        logits[:, 0] += self.cfg["none_shift"]
        return self.model.ops.softmax(logits, inplace=True)

    def gold_tags(self, example: Example) -> Ints1d:
        """Tag index of each predicted token, -1 for missing; see `gold.gold_tags`."""
        return gold_tags(example, {tag: i for i, tag in enumerate(self.tags)})

    # Saving and loading, without pickles: see `serialize`

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the pipe as bytes; the concept encoder is only saved to disk."""
        return serialize.to_bytes(self, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "NuNER":
        """Load the pipe from bytes, whatever labels it had before."""
        serialize.from_bytes(self, bytes_data, exclude)
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the pipe as a folder."""
        serialize.to_disk(self, Path(path), exclude)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "NuNER":
        """Load the pipe from a folder, whatever labels it had before."""
        serialize.from_disk(self, Path(path), exclude)
        return self
