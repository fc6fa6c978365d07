"""Vectors of concepts as places on a plane, and as colours (the paper's Figure 6)."""

import logging
import warnings
from importlib.util import find_spec
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import Errors

logger = logging.getLogger(__name__)

Method = Literal["auto", "umap", "pca"]
METHODS: Final = get_args(Method)
# With fewer concepts UMAP has no neighbourhoods to keep
MIN_UMAP: Final = 40
# Shares of the values that become the ends of a colour's range
ENDS: Final = (0.01, 0.99)

Floats = NDArray[np.float32]


class Projection(NamedTuple):
    """Places and colours, each from 0 to 1."""

    method: str  # "umap" or "pca"
    xy: Floats  # (n, 2)
    rgb: Floats  # (n, 3)


def project(vectors: Floats, *, method: str = "auto", seed: int = 0) -> Projection:
    """Lay vectors out on a plane so that near ones stay near.

    Two dimensions are the place, three others the colour, as in the paper's Figure 6.

    vectors (Floats): (n, width).
    method (str): "umap", "pca", or "auto": UMAP where it is installed.
    seed (int): Of UMAP; with one seed and one machine it always gives the same.
    RETURNS (Projection): Places and colours.
    RAISES (ValueError): For an unknown method, or UMAP where it is not installed.
    """
    if method not in METHODS:
        raise ValueError(Errors.N590.format(got=method, allowed=", ".join(METHODS)))
    has_umap = find_spec("umap") is not None
    if method == "umap" and not has_umap:
        raise ValueError(Errors.N591)
    if method == "auto":
        method = "umap" if has_umap else "pca"
    if method == "umap" and len(vectors) < MIN_UMAP:
        logger.info("PCA for the map: %d concepts are few for UMAP", len(vectors))
        method = "pca"
    if method == "umap":
        xy, rgb = (run_umap(vectors, n, seed=seed) for n in (2, 3))
    else:
        rgb = run_pca(vectors, 3)
        xy = rgb[:, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    # one scale for both directions: distances on the map can be compared
    place = (xy - (low + high) / 2) / (max((high - low).max(), 1e-9)) + 0.5
    ends = np.quantile(rgb, ENDS, axis=0)
    colour = (rgb - ends[0]) / np.maximum(ends[1] - ends[0], 1e-9)
    return Projection(
        method, place.astype("float32"), colour.clip(0, 1).astype("float32")
    )


def run_pca(vectors: Floats, n: int) -> Floats:
    """Principal components, each with the sign that makes its largest loading positive.

    vectors (Floats): (n_vectors, width).
    n (int): Number of components.
    RETURNS (Floats): (n_vectors, n).
    """
    X = vectors.astype("float64")
    X = X - X.mean(axis=0)
    _, axes = np.linalg.eigh(X.T @ X)
    axes = axes[:, ::-1][:, :n]  # (width, n)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    places = X @ (axes * np.sign(largest))
    missing = n - places.shape[1]  # vectors narrower than n
    return np.pad(places, ((0, 0), (0, max(missing, 0)))).astype("float32")


def run_umap(vectors: Floats, n: int, *, seed: int) -> Floats:
    """UMAP by cosine (McInnes and Healy, 2018).

    vectors (Floats): (n_vectors, width).
    n (int): Dimensions.
    seed (int): Of the layout.
    RETURNS (Floats): (n_vectors, n).
    """
    with warnings.catch_warnings():
        # that one of its other methods would need TensorFlow
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP
    # one thread: with more the seed would not decide everything
    settings: dict[str, Any] = {"metric": "cosine", "random_state": seed, "n_jobs": 1}
    places = UMAP(n_components=n, **settings).fit_transform(vectors)
    return np.asarray(places, dtype="float32")
