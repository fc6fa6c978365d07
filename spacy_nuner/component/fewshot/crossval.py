"""Cross-validation: each sentence is predicted by a head that has not seen it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch, registry
from thinc.api import Config
from thinc.types import Ragged
from tqdm import tqdm

from .. import starting
from ..calibration import read_calibration
from ..label_encoder import LabelEncoder, embed_labels
from .labels import Names
from .predict import BATCH, Prediction, merge, predict, run_before
from .train import PIPE, make_examples, quick_products, train_pipeline

Ints = NDArray[np.int64]
N_FOLDS = 5


def deal_folds(docs: Sequence[Doc], n_folds: int, seed: int) -> Ints:
    """Deal sentences to folds so that each label is in as many folds as it can be.

    The rarest label of a sentence decides; sentences with the same text stay together.

    docs (Sequence[Doc]): Docs with gold entities.
    n_folds (int): Number of folds.
    seed (int): Seed of the order.
    RETURNS (Ints): Fold of each doc. All 0 where there are fewer than two texts.
    """
    counts = Counter(ent.label_ for doc in docs for ent in doc.ents)
    rarest: dict[str, tuple[int, str]] = {}
    for doc in docs:
        keys = [(counts[ent.label_], ent.label_) for ent in doc.ents]
        key = min(keys, default=(len(docs) + 1, ""))
        text = " ".join(doc.text.split())
        rarest[text] = min(key, rarest.get(text, key))
    texts = list(rarest)
    np.random.default_rng(seed).shuffle(texts)
    texts.sort(key=lambda text: rarest[text])
    n_folds = min(n_folds, len(texts))
    fold = {text: i % n_folds for i, text in enumerate(texts)}
    return np.array([fold[" ".join(d.text.split())] for d in docs], dtype="int64")


def cross_validate(
    config: Config, nlp: Language, docs: Sequence[Doc], names: Names, folds: Ints
) -> list[Prediction]:
    """Predict each fold by what is trained on the others.

    Where only a head is trained, in full batches, every sentence is encoded once; any
    other config is trained anew for each fold.

    config (Config): From `train.read_config`.
    nlp (Language): The pipeline trained on all, for its encoder.
    docs (Sequence[Doc]): Docs with gold entities.
    names (Names): The labels and their phrases.
    folds (Ints): From `deal_folds`.
    RETURNS (list[Prediction]): One per doc, in their order.
    """
    if not trains_head_only(config):
        return _train_each(config, docs, names, folds)
    with quick_products():
        return _train_heads(config, nlp, docs, names, folds)


def trains_head_only(config: Config) -> bool:
    """Whether `NuNER.train_head` does what the training loop would do.

    config (Config): A training config.
    RETURNS (bool): If the encoder is frozen and every step sees all examples.
    """
    filled = config.interpolate()
    training, model = filled["training"], filled["components"][PIPE]["model"]
    batcher = training.get("batcher", {})
    listens = set(filled["components"]) - {PIPE}
    return (
        listens <= set(training.get("frozen_components", []))
        and training.get("max_steps", 0) > 0
        and not training.get("max_epochs")
        and not training.get("patience")
        and training.get("accumulate_gradient", 1) == 1
        and not (training.get("dropout") and model.get("hidden_width"))
        and not training["optimizer"].get("use_averages")
        and batcher.get("@batchers") == "spacy.batch_by_sequence.v1"
        and batcher.get("size", 0) >= 100_000
    )


def _train_heads(
    config: Config, nlp: Language, docs: Sequence[Doc], names: Names, folds: Ints
) -> list[Prediction]:
    n_folds = int(folds.max()) + 1
    splits = [_split(folds, fold) for fold in range(n_folds)]
    found: dict[int, Prediction] = {}
    predicted = predict_splits(config, nlp, docs, names, splits)
    bar = tqdm(predicted, "cross-validate", n_folds, disable=None, leave=False)
    for (_, held), predictions in zip(splits, bar, strict=True):
        found |= zip(held, predictions, strict=True)
    return [found[i] for i in range(len(docs))]


def predict_splits(
    config: Config,
    nlp: Language,
    docs: Sequence[Doc],
    names: Names,
    splits: Iterable[tuple[Sequence[int], Sequence[int]]],
) -> Iterator[list[Prediction]]:
    """Train a head on some docs and predict others, again and again.

    Every doc is encoded once.

    config (Config): From `train.read_config`; `trains_head_only` has to be true of it.
    nlp (Language): A pipeline trained on all, for its encoder.
    docs (Sequence[Doc]): Docs with gold entities.
    names (Names): The labels and their phrases.
    splits (Iterable[tuple[Sequence[int], Sequence[int]]]): What to train on, what to
        predict.
    YIELDS (list[Prediction]): What was predicted, in order.
    """
    filled = config.interpolate()
    trained: Any = nlp.get_pipe(PIPE)
    spare = _make_spare(filled)
    examples = make_examples(nlp, docs)
    tags = [trained.gold_tags(example) for example in examples]
    rows = _encode(nlp, docs)
    plan = _Plan(filled, nlp, names)
    for kept, held in splits:
        X = _join([rows[i] for i in kept])
        Y: Any = np.concatenate([tags[i] for i in kept])
        plan.train(spare, X, Y)
        test = _join([rows[i] for i in held])
        probs = spare.tag_scores(test.dataXd, test.lengths)
        ends: Any = np.cumsum(np.asarray(test.lengths))
        scores = np.split(probs, ends[:-1])
        bare = [examples[i].predicted for i in held]
        spare.set_annotations(bare, scores)
        yield merge(spare, bare, scores)


class _Plan:
    """How the heads of all folds are trained."""

    def __init__(self, filled: Config, nlp: Language, names: Names) -> None:
        options = filled["initialize"]["components"][PIPE]
        folder = options.get("encoder") or filled["components"][PIPE].get("encoder")
        self.names, self.training = names, filled["training"]
        self.calibration = read_calibration(Path(folder)) if folder else None
        self.vectors: Any = None
        if folder and options.get("start") == "concept":
            self.vectors = embed_labels(LabelEncoder(Path(folder)), names.values())
        before = [proc for name, proc in nlp.pipeline if name != PIPE]
        models = [proc.model for proc in before if hasattr(proc, "model")]
        self.whiten = options.get("whiten", True) and starting.fits_whitening(
            self.calibration, models
        )

    def train(self, pipe: Any, X: Ragged, Y: Any) -> None:
        labels = list(self.names)
        starting.begin(pipe, X, Y, labels, self.vectors, self.calibration, self.whiten)
        sgd = registry.resolve({"optimizer": self.training["optimizer"]})["optimizer"]
        # spaCy counts from 0 and stops after the step of this number
        pipe.train_head(X, Y, sgd=sgd, n_steps=self.training["max_steps"] + 1)


def _make_spare(filled: Config) -> Any:
    """A second pipe of the same settings, used on arrays."""
    settings = {k: v for k, v in filled["components"][PIPE].items() if k != "factory"}
    nlp = spacy.blank(filled["nlp"]["lang"])
    return nlp.add_pipe(PIPE, config={**settings, "encoder": None})


def _encode(nlp: Language, docs: Sequence[Doc]) -> list[Any]:
    pipe: Any = nlp.get_pipe(PIPE)
    rows: list[Any] = []
    with tqdm(
        total=len(docs), desc="encode", disable=None, leave=False, delay=1
    ) as bar:
        for batch in minibatch(docs, BATCH):
            encoded = run_before(nlp, [nlp.make_doc(doc.text) for doc in batch])
            rows += pipe.features(encoded)
            bar.update(len(batch))
    return rows


def _split(folds: Ints, fold: int) -> tuple[list[int], list[int]]:
    """RETURNS (tuple[list[int], list[int]]): What to train on, what to predict."""
    kept: list[int] = np.flatnonzero(folds != fold).tolist()
    return kept, np.flatnonzero(folds == fold).tolist()


def _join(rows: Sequence[Any]) -> Ragged:
    lengths: Any = np.array([len(part) for part in rows], dtype="int64")
    vectors: Any = np.concatenate(rows)
    return Ragged(vectors, lengths)


def _train_each(
    config: Config, docs: Sequence[Doc], names: Names, folds: Ints
) -> list[Prediction]:
    found: dict[int, Prediction] = {}
    n_folds = int(folds.max()) + 1
    for fold in tqdm(range(n_folds), desc="cross-validate", disable=None, leave=False):
        kept, held = _split(folds, fold)
        nlp = train_pipeline(config, [docs[i] for i in kept], names)
        bare = [nlp.make_doc(docs[i].text) for i in held]
        found |= zip(held, predict(nlp, bare), strict=True)
    return [found[i] for i in range(len(docs))]
