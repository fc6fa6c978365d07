"""From probabilities of tags to entities with a confidence each. Arrays only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .viterbi import Transitions, find_best_tags

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TINY = 1e-30


class Spaces(NamedTuple):
    """Tokens of white space in some texts."""

    is_space: Bools  # (n_tokens,)
    is_break: Bools  # (n_tokens,) those of them that hold a line break


class Entity(NamedTuple):
    """An entity in tokens of its document."""

    start: int
    end: int  # exclusive
    label: int  # index into the pipe's labels
    confidence: float


def make_tags(labels: list[str], tagging: str) -> list[str]:
    """List the tags: "O", then one ("io") or two ("bio") per label."""
    prefixes = ("I",) if tagging == "io" else ("B", "I")
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in prefixes)]


def decode_tags(
    probs: Floats, lengths: Ints, spaces: Spaces, transitions: Transitions | None
) -> Ints:
    """Choose a tag for each token.

    White space has no tag: a text is read as if it were not there, except that a line
    break ends an entity. A list of names, one a line, is not one long name.

    probs (Floats): Probabilities of the tags, (n_tokens, n_tags), tag 0 is "O".
    lengths (Ints): Tokens per text, (n_texts,).
    spaces (Spaces): Where white space is.
    transitions (Transitions | None): For the best sequence of BIO tags; None: the most
        probable tag of each token.
    RETURNS (Ints): Tag of each token, (n_tokens,), 0 for white space.
    """
    tags = np.zeros(len(probs), dtype="int64")
    words = np.flatnonzero(~spaces.is_space)
    if not len(words):
        return tags
    if transitions is None:
        tags[words] = probs[words].argmax(axis=1)
        return tags
    pieces = np.unique(
        _number_lines(lengths, spaces.is_break)[words], return_counts=True
    )
    log_probs = np.log(np.maximum(probs[words], TINY))
    tags[words] = find_best_tags(log_probs, pieces[1].astype("int64"), transitions)
    return tags


def _number_lines(lengths: Ints, is_break: Bools) -> Ints:
    """Number the stretches between the ends of texts and line breaks, (n_tokens,)."""
    ends = np.zeros(len(is_break), dtype="int64")
    starts = (np.cumsum(lengths) - lengths)[lengths > 0]
    ends[starts] = 1
    return np.cumsum(ends | is_break)


def sum_prefixes(probs: Floats, n_prefixes: int) -> Floats:
    """Add up the probabilities of the tags of each label.

    probs (Floats): Probabilities of the tags, (n_tokens, n_tags).
    n_prefixes (int): Tags per label.
    RETURNS (Floats): Of "O" and of the labels, (n_tokens, 1 + n_labels).
    """
    by_label = probs[:, 1:].reshape(len(probs), -1, n_prefixes).sum(axis=2)
    return np.hstack([probs[:, :1], by_label])


def read_entities(
    tags: Ints, probs: Floats, spaces: Spaces, n_prefixes: int
) -> list[Entity]:
    """Read the tags of a text as entities.

    An entity is a maximal run of one label; with B- tags each "B-" also begins one, and
    a stray "I-" is taken as a beginning. White space may lie within an entity, never at
    its edge.

    The confidence is the mean over the entity's words of the probability of its label.

    tags (Ints): From `decode_tags`, (n_tokens,).
    probs (Floats): Probabilities of the tags, (n_tokens, n_tags).
    spaces (Spaces): Where white space is.
    n_prefixes (int): Tags per label: 1 (io) or 2 (bio: first "B-", then "I-").
    RETURNS (list[Entity]): The entities in order.
    """
    words = np.flatnonzero(~spaces.is_space)
    if not tags[words].any():
        return []
    seen = tags[words]
    labels = np.where(seen > 0, (seen - 1) // n_prefixes, -1)  # (n_words,)
    begins = (seen > 0) & ((seen - 1) % n_prefixes == 0) & (n_prefixes > 1)
    line = np.cumsum(spaces.is_break)[words]
    first = np.ones(len(words), dtype=bool)
    first[1:] = (labels[1:] != labels[:-1]) | begins[1:] | (line[1:] != line[:-1])
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(words))
    by_label = sum_prefixes(probs, n_prefixes)[:, 1:]
    entities = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        label = int(labels[start])
        if label >= 0:
            confidence = float(by_label[words[start:end], label].mean())
            edges = int(words[start]), int(words[end - 1]) + 1
            entities.append(Entity(*edges, label, confidence))
    return entities
