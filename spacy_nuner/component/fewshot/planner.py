"""What further examples are worth: the learning curve of one's own data, and beyond."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config
from tqdm import tqdm

from ...errors import Errors
from .crossval import deal_folds, predict_splits, trains_head_only
from .labels import Names
from .learning_curve import Forecast, forecast
from .predict import Prediction
from .train import quick_products

# Parts of the training data, each within the next
PARTS = 8
SHARES = (1, 2, 4, 8)
# With fewer sentences a part holds one or two
FEWEST = 24


class Curve(NamedTuple):
    """Entity micro F1 by sentences that were trained on."""

    sizes: list[float]  # sentences, mean over folds
    runs: list[list[float]]  # F1 of each repetition, over all sentences


class _Split(NamedTuple):
    share: int
    repeat: int
    kept: list[int]
    held: list[int]


def measure_curve(
    config: Config,
    nlp: Language,
    docs: Sequence[Doc],
    names: Names,
    *,
    n_folds: int = 5,
    n_repeats: int = 5,
) -> Curve:
    """Cross-validate with an eighth, a quarter, half and all of the training part.

    Smaller parts are contained in larger ones, and have each label where that can be.

    config (Config): From `train.read_config`: a frozen encoder.
    nlp (Language): A pipeline trained on all, for its encoder.
    docs (Sequence[Doc]): Docs with gold entities.
    names (Names): The labels and their phrases.
    n_folds (int): Parts of the cross-validation.
    n_repeats (int): Times that all is dealt anew.
    RETURNS (Curve): The curve.
    RAISES (ValueError): If there are too few sentences, or the encoder is trained.
    """
    if len(docs) < FEWEST:
        raise ValueError(Errors.N438.format(got=len(docs), least=FEWEST))
    if not trains_head_only(config):
        raise ValueError(Errors.N439)
    splits = list(
        chain.from_iterable(_deal(docs, n_folds, repeat) for repeat in range(n_repeats))
    )
    counts: dict[tuple[int, int], list[int]] = {}
    sizes: dict[int, list[int]] = {}
    with quick_products():
        pairs = [(split.kept, split.held) for split in splits]
        predicted = predict_splits(config, nlp, docs, names, pairs)
        bar = tqdm(predicted, "train", len(splits), disable=None, leave=False)
        for split, predictions in zip(splits, bar, strict=True):
            place = counts.setdefault((split.share, split.repeat), [0, 0, 0])
            for i, n in enumerate(_count(predictions, [docs[i] for i in split.held])):
                place[i] += n
            sizes.setdefault(split.share, []).append(len(split.kept))
    runs = [
        [_f1(*counts[share, repeat]) for repeat in range(n_repeats)] for share in SHARES
    ]
    return Curve([float(np.mean(sizes[share])) for share in SHARES], runs)


def predict_growth(curve: Curve, n_docs: int, times: Sequence[float]) -> list[Forecast]:
    """Say what F1 to expect of so many times the examples.

    curve (Curve): From `measure_curve`.
    n_docs (int): Sentences that there are.
    times (Sequence[float]): 1 for all of them.
    RETURNS (list[Forecast]): One for each.
    """
    targets = [factor * n_docs for factor in times]
    return forecast(curve.sizes, curve.runs, targets, paired=True)


def _deal(docs: Sequence[Doc], n_folds: int, repeat: int) -> Iterator[_Split]:
    folds = deal_folds(docs, n_folds, repeat)
    for fold in range(int(folds.max()) + 1):
        kept = np.flatnonzero(folds != fold)
        held = np.flatnonzero(folds == fold).tolist()
        lesson = [docs[i] for i in kept.tolist()]
        parts = deal_folds(lesson, PARTS, 1000 * repeat + fold)
        for share in SHARES:
            yield _Split(share, repeat, kept[parts < share].tolist(), held)


def _count(
    predictions: Sequence[Prediction], golds: Sequence[Doc]
) -> tuple[int, int, int]:
    """RETURNS (tuple[int, int, int]): Entities found and right, found, in the gold."""
    right = found = wanted = 0
    for prediction, gold in zip(predictions, golds, strict=True):
        ours, theirs = (
            {(e.start_char, e.end_char, e.label_) for e in doc.ents}
            for doc in (prediction.doc, gold)
        )
        right += len(ours & theirs)
        found += len(ours)
        wanted += len(theirs)
    return right, found, wanted


def _f1(right: int, found: int, wanted: int) -> float:
    return 2 * right / (found + wanted) if found + wanted else 0.0
