"""The most probable sequence of BIO tags, under learned transitions. Arrays only.

Transitions are pooled over the labels: with few examples there is not enough to learn
one for each pair. Three kinds of tag remain, O, B and I, and an I- tag follows only a
B- or I- tag of its own label.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Transitions = NDArray[np.float64]  # (3, 3) from O, B, I to O, B, I; added to log p

O, B, I = 0, 1, 2  # noqa: E741
KINDS = 3
NEVER = -1e9
# Transitions that only forbid what is not valid
VALID: Transitions = np.array([[0.0, 0.0, NEVER], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
# What is known before weighs as much as so many pairs of the training set
N_PRIOR = 10.0
TINY = 1e-9


class _Back(NamedTuple):
    """Where the best path to a tag comes from, for all texts at one position."""

    to_other: Ints  # (n_texts,) tag before an O
    to_begin: Ints  # (n_texts,) tag before a B-
    from_begin: NDArray[np.bool_]  # (n_texts, n_labels) before an I-: its own B-


def count_pairs(kinds: Ints, lengths: Ints) -> NDArray[np.float64]:
    """Count which kind of tag follows which, within texts.

    kinds (Ints): O, B or I of each token, -1 without annotation, (n_tokens,).
    lengths (Ints): Tokens per text, (n_texts,).
    RETURNS (NDArray[np.float64]): (3, 3).
    """
    text = np.repeat(np.arange(len(lengths)), lengths)
    pair = (text[1:] == text[:-1]) & (kinds[1:] >= 0) & (kinds[:-1] >= 0)
    counts = np.zeros((KINDS, KINDS))
    np.add.at(counts, (kinds[:-1][pair], kinds[1:][pair]), 1.0)
    return counts


def learn_transitions(
    tags: Ints, lengths: Ints, *, weight: float, prior: NDArray[Any] | None = None
) -> Transitions:
    """Measure how much more often than by chance one kind of tag follows another.

    tags (Ints): BIO tags of a training set: 0 O, 2 l + 1 B-, 2 l + 2 I- of label l, -1
        without annotation, (n_tokens,).
    lengths (Ints): Tokens per text, (n_texts,).
    weight (float): Factor on the result, log p(next | tag) - log p(next).
    prior (NDArray[Any] | None): Shares of pairs to begin with, (3, 3), such as those of
        the concept corpus; None: all alike.
    RETURNS (Transitions): To be added to log probabilities of tags, (3, 3).
    """
    kinds = np.where(tags > 0, 2 - tags % 2, tags)
    start = np.full((KINDS, KINDS), 1 / KINDS**2) if prior is None else prior
    counts = N_PRIOR * start + count_pairs(kinds, lengths) + TINY
    counts[O, I] = TINY
    given = counts / counts.sum(axis=1, keepdims=True)
    alone = counts.sum(axis=0) / counts.sum()
    found: Transitions = weight * np.log(given / alone)
    found[O, I] = NEVER
    return found


def find_best_tags(log_probs: Floats, lengths: Ints, transitions: Transitions) -> Ints:
    """Find the best sequence of tags of each text (Viterbi), all texts at a time.

    log_probs (Floats): Log probabilities of the tags, (n_tokens, 1 + 2 n_labels).
    lengths (Ints): Tokens per text, (n_texts,).
    transitions (Transitions): What is added for each pair of tags.
    RETURNS (Ints): Tag of each token, (n_tokens,).
    """
    order = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[order]
    lengths = lengths[order]
    n_steps = int(lengths[0]) if len(lengths) else 0
    backs: list[_Back] = []
    scores = np.zeros((0, log_probs.shape[1]))  # of the best path to each tag
    final = np.zeros(len(lengths), dtype="int64")
    for step in range(n_steps):
        n_active = int(np.searchsorted(-lengths, -step, side="left"))
        emitted = log_probs[starts[:n_active] + step].astype("float64")
        if step == 0:
            scores = emitted + _from_start(emitted.shape[1], transitions)
            continue
        final[n_active : len(scores)] = scores[n_active:].argmax(axis=1)
        scores, back = _take_step(scores[:n_active], transitions)
        scores += emitted
        backs.append(back)
    final[: len(scores)] = scores.argmax(axis=1)
    return _trace_back(final, lengths, starts, backs, len(log_probs))


def _from_start(n_tags: int, transitions: Transitions) -> NDArray[np.float64]:
    """A text begins as if an O stood before it."""
    first = np.full(n_tags, transitions[O, O])
    first[1::2], first[2::2] = transitions[O, B], transitions[O, I]
    return first


def _take_step(
    scores: NDArray[np.float64], transitions: Transitions
) -> tuple[NDArray[np.float64], _Back]:
    rows = np.arange(len(scores))
    begin, inner = scores[:, 1::2], scores[:, 2::2]  # (n_texts, n_labels)
    # Of each kind only the best tag can come before an O or a B-
    tags = np.stack(
        [
            np.zeros(len(scores), dtype="int64"),
            2 * begin.argmax(axis=1) + 1,
            2 * inner.argmax(axis=1) + 2,
        ]
    )  # (3, n_texts)
    best = scores[rows, tags]  # (3, n_texts)
    taken = np.empty_like(scores)
    chosen = []
    for kind in (O, B):
        paths = best + transitions[:, kind, None]  # (3, n_texts)
        which = paths.argmax(axis=0)
        chosen.append(tags[which, rows])
        if kind == O:
            taken[:, 0] = paths[which, rows]
        else:
            taken[:, 1::2] = paths[which, rows][:, None]
    stay, enter = inner + transitions[I, I], begin + transitions[B, I]
    from_begin = enter > stay
    taken[:, 2::2] = np.where(from_begin, enter, stay)
    return taken, _Back(chosen[0], chosen[1], from_begin)


def _trace_back(
    final: Ints, lengths: Ints, starts: Ints, backs: list[_Back], n_tokens: int
) -> Ints:
    tags = np.zeros(n_tokens, dtype="int64")
    current = final.copy()
    for step in range(len(backs), 0, -1):
        back = backs[step - 1]
        n_active = len(back.to_other)
        now = current[:n_active]
        tags[starts[:n_active] + step] = now
        label = np.maximum(now - 1, 0) // 2
        own = back.from_begin[np.arange(n_active), label]
        inside = np.where(own, 2 * label + 1, 2 * label + 2)
        before = np.where(now % 2 == 1, back.to_begin, inside)
        current[:n_active] = np.where(now == 0, back.to_other, before)
    filled = lengths > 0
    tags[starts[filled]] = current[filled]
    return tags
