"""A threshold for "None" that is set on the training data, by cross-validation."""

import numpy as np
from numpy.typing import NDArray
from thinc.api import Adam
from thinc.types import Floats1d, Ints1d, Ragged

from . import fit
from .head import HeadT, copy_head, list_layers

N_FOLDS = 4
N_STEPS = 200
LEARN_RATE = 0.01
SHIFTS = np.arange(-2.0, 2.01, 0.25)
# What a shift has to gain, in F1, for each unit that it is away from none
COST = 0.003


def fit_none_shift(
    head: HeadT,
    X: Ragged,
    Y: Ints1d,
    *,
    weights: Floats1d | None,
    seed: int = 0,
) -> float:
    """Find what to add to the logit of "O", on sentences that a head has not seen.

    head (Model[Ragged, Floats2d]): A started head; it stays as it is.
    X (Ragged): Token vectors of the training set, (n_tokens, width).
    Y (Ints1d): Their tags, -1 without annotation.
    weights (Floats1d | None): Of the tags in the loss.
    seed (int): Seed of the folds.
    RETURNS (float): The shift with the best macro F1 of token tags; 0.0 where there are
        fewer sentences than folds, or no entities.
    """
    lengths = np.asarray(X.lengths)
    if len(lengths) < N_FOLDS or not (np.asarray(Y) > 0).any():
        return 0.0
    fold = np.random.default_rng(seed).permutation(len(lengths)) % N_FOLDS
    of_token = np.repeat(fold, lengths)
    logits: NDArray | None = None
    for i in range(N_FOLDS):
        held, kept = of_token == i, of_token != i
        if not held.any() or not kept.any():
            continue
        rest = Ragged(X.dataXd[kept], lengths[fold != i])
        copy = copy_head(head)
        # The pull is that of a training set of this size
        for layer in list_layers(copy):
            layer.attrs["pull"] *= (len(Y) / kept.sum()) ** 0.5
        sgd = Adam(LEARN_RATE, L2=0.0, grad_clip=0.0, use_averages=False)
        fit.train_head(copy, rest, Y[kept], sgd=sgd, n_steps=N_STEPS, weights=weights)
        predicted = copy.predict(Ragged(X.dataXd[held], lengths[fold == i]))
        if logits is None:
            logits = np.zeros((len(Y), predicted.shape[1]), dtype="float32")
        logits[held] = predicted
    if logits is None:
        return 0.0
    scores = [_score(logits, Y, shift) - COST * abs(shift) for shift in SHIFTS]
    # Neighbours count too: the curve of a few sentences is rough
    smooth = np.convolve(np.pad(scores, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    return float(SHIFTS[int(smooth.argmax())])


def _score(logits: NDArray, Y: Ints1d, shift: float) -> float:
    shifted = logits.copy()
    shifted[:, 0] += shift
    seen = np.asarray(Y) >= 0
    gold, got = np.asarray(Y)[seen], shifted.argmax(axis=1)[seen]
    n_tags = logits.shape[1]
    hits = np.bincount(gold[gold == got], minlength=n_tags)[1:]
    total = np.bincount(gold, minlength=n_tags) + np.bincount(got, minlength=n_tags)
    present = np.bincount(gold, minlength=n_tags)[1:] > 0
    return float((2 * hits / np.maximum(total[1:], 1))[present].mean())
