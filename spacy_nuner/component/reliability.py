"""From scalar products of tokens and concepts to decisions and probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Thresholds that are tried
GRID = np.arange(-1.0, 6.01, 0.25)
N_BINS = 10
# Pairs are drawn at random where there are more: two numbers are to be fitted
MAX_PAIRS = 2_000_000


def f1_curve(logits: Floats, positive: Bools) -> Floats:
    """RETURNS (Floats): F1 of "logit above" for each threshold of the grid."""
    above = logits[:, None] > GRID  # (n_tokens, n_grid)
    hits = (above & positive[:, None]).sum(axis=0)
    return 2 * hits / np.maximum(above.sum(axis=0) + positive.sum(), 1)


def fit_sigmoid(logits: Floats, positive: Bools) -> tuple[float, float]:
    """Fit probability = sigmoid(a logit + b) by Newton's method (Platt scaling).

    logits (Floats): (n_pairs,).
    positive (Bools): (n_pairs,).
    RETURNS (tuple[float, float]): a and b.
    """
    if len(logits) > MAX_PAIRS:
        chosen = np.random.default_rng(0).choice(len(logits), MAX_PAIRS, replace=False)
        logits, positive = logits[chosen], positive[chosen]
    x = np.stack([logits, np.ones_like(logits)], axis=1).astype("float64")

    def measure_loss(weights: NDArray[np.float64]) -> float:
        z = x @ weights
        return float(np.logaddexp(0, z).sum() - z[positive].sum())

    weights = np.array([1.0, -4.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (p - positive)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # Far from the end whole steps may lead farther and farther away
        loss = measure_loss(weights)
        while np.abs(step).max() >= 1e-8 and measure_loss(weights - step) > loss:
            step /= 2
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])


def measure_reliability(
    logits: Floats, positive: Bools, curves: dict[str, tuple[float, float]]
) -> list[dict[str, Any]]:
    """Compare predicted with observed probabilities of (token, concept) pairs.

    logits (Floats): (n_pairs,).
    positive (Bools): Whether the token is of the concept, (n_pairs,).
    curves (dict[str, tuple[float, float]]): Scale and bias by name.
    RETURNS (list[dict[str, Any]]): A record per name and bin of the prediction.
    """
    figures = []
    for name, (scale, bias) in curves.items():
        p = 1 / (1 + np.exp(-(scale * logits + bias)))
        bins = np.minimum((p * N_BINS).astype("int64"), N_BINS - 1)
        for i in np.unique(bins).tolist():
            inside = bins == i
            figures.append(
                {
                    "name": name,
                    "predicted": float(p[inside].mean()),
                    "observed": float(positive[inside].mean()),
                    "n": int(inside.sum()),
                }
            )
    return figures
