"""Measure an encoder on the concept corpus: whitening, thresholds, reliability."""

import logging
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.vocab import Vocab
from tqdm import tqdm

from ..errors import Errors, Warnings
from .calibration import Calibration, Floats, cosines, save_calibration
from .concept_docs import SPANS_KEY, read_docs
from .encoder.model import build_transformer_model, encode, get_shim
from .label_encoder import LabelEncoder, embed_labels
from .reliability import GRID, f1_curve, fit_sigmoid, measure_reliability
from .viterbi import B, I, O, count_pairs

logger = logging.getLogger(__name__)

Ints = NDArray[np.int64]

BATCH = 128
# Sentences from which the whitening is measured
MAX_SENTENCES = 3000
# Concepts with fewer mentions say nothing of the spread within a concept
MIN_SPREAD, MIN_MENTIONS = 10, 5
# The whitening goes this far: 0 not at all, 1 to equal spread in all directions
EXPONENT, RIDGE = 0.6, 0.1
# Entity types are broader than concepts ("person" takes in "politician"). Mentions of
# concepts as near as this count for a concept, those a little farther are left out.
# Chosen so that one threshold suits both everyday labels and the pools of the sample
BREADTH, MARGIN = 0.35, 0.15


class Mentions(NamedTuple):
    """The mentions of a part of the corpus, in tokens counted through all docs."""

    starts: Ints
    ends: Ints
    concepts: list[str]


def calibrate(encoder: Path, corpus_dir: Path) -> Calibration:
    """Measure an encoder and write `calibration.safetensors` into its folder.

    encoder (Path): Encoder folder with its concept encoder.
    corpus_dir (Path): `corpus/concepts`, with DocBin files under train and dev.
    RETURNS (Calibration): What was measured.
    RAISES (ValueError): If a part of the corpus or of the encoder is missing, or if the
        dev part has no two concepts.
    """
    model = build_transformer_model(str(encoder))
    model.initialize()
    labels = LabelEncoder(encoder)
    width = get_shim(model).encoder.model.config.hidden_size
    vocab = Vocab()
    docs, X = encode_part(model, corpus_dir / "train", vocab)
    whitening = measure_whitening(X, find_mentions(docs))
    docs, X = encode_part(model, corpus_dir / "dev", vocab)
    mentions = find_mentions(docs)
    counts = Counter(mentions.concepts)
    frequent = pick_frequent(counts, corpus_dir / "dev")
    distinct = list(counts)
    # Rare concepts are enough for one threshold of all, not for one of each
    measured = frequent or distinct
    C = embed_labels(labels, [[concept] for concept in distinct])
    centre = C.mean(axis=0)
    chosen = [distinct.index(concept) for concept in measured]
    nearness = cosines(C - centre, C[chosen] - centre)  # (n_distinct, n_measured)
    nearest = spread_to_tokens(nearness, mentions, distinct, len(X))
    logits = X[:, -width:] @ C[chosen].T  # (n_tokens, n_measured)
    positive = nearest >= BREADTH
    counted = positive | (nearest < BREADTH - MARGIN)
    columns = zip(logits.T, positive.T, counted.T, strict=True)
    # (n_measured, n_grid)
    curves = np.stack([f1_curve(z[used], is_of[used]) for z, is_of, used in columns])
    threshold = float(GRID[curves.mean(axis=0).argmax()])
    scale, offset = fit_sigmoid(logits[counted], positive[counted])
    if not scale > 0:
        logger.warning(Warnings.W404.format(scale=scale))
        scale, offset = 1.0, -threshold
    figures = measure_reliability(
        logits[counted],
        positive[counted],
        {
            "calibrated": (scale, offset),
            "as decided": (scale, -scale * threshold),
            "as trained": (1.0, labels.settings["bias"]),
        },
    )
    calibration = Calibration(
        whitening=whitening,
        centre=centre,
        vectors=C[chosen][: len(frequent)],
        thresholds=GRID[curves.argmax(axis=1)][: len(frequent)].astype("float32"),
        counts=np.array([counts[c] for c in frequent], dtype="float32"),
        transitions=count_kinds(mentions, docs),
        names=frequent,
        threshold=threshold,
        scale=scale,
        layers=list(get_shim(model).encoder.layers),
        reliability=figures,
    )
    save_calibration(calibration, encoder)
    return calibration


def encode_part(model: Any, folder: Path, vocab: Vocab) -> tuple[list[Doc], Floats]:
    """RETURNS (tuple[list[Doc], Floats]): Docs of a part, their vectors end to end."""
    filled = (doc for doc in read_docs(folder, vocab) if len(doc))
    docs = list(islice(filled, MAX_SENTENCES))
    if not docs:
        raise ValueError(Errors.N429.format(n=0, path=folder))
    vectors: list[Any] = []
    for i in tqdm(range(0, len(docs), BATCH), f"encode {folder.name}", disable=None):
        vectors += encode(model, docs[i : i + BATCH])
    return docs, np.concatenate(vectors)


def pick_frequent(counts: Counter[str], path: Path) -> list[str]:
    """Pick the concepts that have mentions enough for a threshold of their own.

    counts (Counter[str]): Mentions of each concept.
    path (Path): What the messages name.
    RETURNS (list[str]): Most frequent first; none is said in a warning.
    RAISES (ValueError): Without two concepts there is nothing to tell apart.
    """
    if len(counts) < 2:
        raise ValueError(Errors.N429.format(n=len(counts), path=path))
    frequent = [c for c, n in counts.most_common() if n >= MIN_MENTIONS]
    if not frequent:
        n = len(counts)
        logger.warning(Warnings.W403.format(least=MIN_MENTIONS, path=path, n=n))
    return frequent


def find_mentions(docs: Sequence[Doc]) -> Mentions:
    """RETURNS (Mentions): The mentions of docs that stand end to end."""
    rows, offset = [], 0
    for doc in docs:
        for span in doc.spans.get(SPANS_KEY, ()):
            rows.append((offset + span.start, offset + span.end, span.label_))
        offset += len(doc)
    starts, ends, concepts = zip(*rows, strict=True) if rows else ((), (), ())
    return Mentions(np.array(starts, "int64"), np.array(ends, "int64"), list(concepts))


def measure_whitening(X: Floats, mentions: Mentions) -> Floats:
    """Measure how tokens of one concept differ, and undo it in part.

    With S the mean covariance within a concept, ridged, the matrix is S^(-a/2), scaled
    so that a token's features have the variance 1 in the mean. A pull on weights in
    this space is one in the metric of S: directions that differ within a concept say
    little about types, and few examples must not hang anything on them.

    X (Floats): Token vectors, (n_tokens, width).
    mentions (Mentions): The mentions in them.
    RETURNS (Floats): Symmetric, (width, width).
    """
    counts = Counter(mentions.concepts)
    number = {c: i for i, (c, n) in enumerate(counts.items()) if n >= MIN_SPREAD}
    concept = np.full(len(X), -1)
    for start, end, name in zip(*mentions, strict=True):
        concept[start:end] = number.get(name, -1)
    within = np.eye(X.shape[1])
    if (concept >= 0).any():
        rows = X[concept >= 0].astype("float64")
        ids = np.unique(concept[concept >= 0], return_inverse=True)[1]
        means = np.zeros((ids.max() + 1, X.shape[1]))
        np.add.at(means, ids, rows)
        rest = rows - (means / np.bincount(ids)[:, None])[ids]
        within = rest.T @ rest / len(rest)
    within /= np.trace(within) / len(within)
    values, axes = np.linalg.eigh((1 - RIDGE) * within + RIDGE * np.eye(len(within)))
    M = (axes * values ** (-EXPONENT / 2)) @ axes.T
    total = np.cov(X.T.astype("float64"))
    M /= (np.trace(M @ total @ M) / len(M)) ** 0.5
    return ((M + M.T) / 2).astype("float32")


def spread_to_tokens(
    nearness: Floats, mentions: Mentions, distinct: Sequence[str], n_tokens: int
) -> Floats:
    """Nearness of each token's concepts, the nearest, to the frequent ones.

    nearness (Floats): Of each concept, (n_distinct, n_frequent).
    mentions (Mentions): Which token is of which concept.
    distinct (Sequence[str]): The concepts, (n_distinct,).
    n_tokens (int): Number of tokens.
    RETURNS (Floats): (n_tokens, n_frequent), -1 for tokens of no concept.
    """
    found = np.full((n_tokens, nearness.shape[1]), -1.0, dtype="float32")
    number = {concept: i for i, concept in enumerate(distinct)}
    for start, end, name in zip(*mentions, strict=True):
        row = nearness[number[name]]
        found[start:end] = np.maximum(found[start:end], row)
    return found


def count_kinds(mentions: Mentions, docs: Sequence[Doc]) -> Floats:
    """Share of the pairs of neighbours that are O, B or I and then O, B or I.

    Of mentions that overlap the longest counts.

    mentions (Mentions): The mentions.
    docs (Sequence[Doc]): The docs.
    RETURNS (Floats): (3, 3), all together 1.
    """
    lengths = np.array([len(doc) for doc in docs], dtype="int64")
    kinds = np.full(int(lengths.sum()), O)
    order = np.argsort(mentions.starts - mentions.ends, kind="stable")  # longest first
    for i in order.tolist():
        start, end = mentions.starts[i], mentions.ends[i]
        if not kinds[start:end].any():
            kinds[start], kinds[start + 1 : end] = B, I
    counts = count_pairs(kinds, lengths)
    return (counts / max(counts.sum(), 1.0)).astype("float32")
