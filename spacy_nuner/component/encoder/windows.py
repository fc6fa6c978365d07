"""Long texts as overlapping windows whose votes are merged; batches of windows.

        doc      ----------------------------------------
        window 1 ----------------
        window 2             ----------------
        window 3                         ----------------   (all equally long)
        weight   1 1 1 1 1 .8 .5 .2  (of window 1, falling in the overlap)

A sub-token in two windows gets the weighted mean of both: near the edge of a window,
where context is missing on one side, its vote counts little.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .pieces import Floats, Ints, Pieces, Special

# What it costs to start a group, in sub-tokens, and what it costs to exceed its size
GROUP_COST = 16
TOO_LARGE = 2**40


class Windows(NamedTuple):
    """Windows over the sub-tokens of some docs."""

    starts: Ints  # (n_windows,) first sub-token
    lengths: Ints  # (n_windows,) sub-tokens, special ones left out
    offsets: Ints  # (n_windows + 1,) place of each window in weights
    weights: Floats  # (sum of lengths,) those of a sub-token sum up to 1


class Group(NamedTuple):
    """Windows that are encoded together, and where their vectors go."""

    ids: Ints  # (n_windows, length), special sub-tokens among them
    mask: Ints  # (n_windows, length), 0 where there is padding
    rows: Ints  # (n_votes,) place in the flattened windows
    tokens: Ints  # (n_votes,) token that the vector goes to
    weights: Floats  # (n_votes,)


def cut_windows(doc_starts: Ints, *, window: int, stride: int) -> Windows:
    """Cut the sub-tokens of docs into windows, those of a doc equally long.

    They are as few as can be and no longer than they must be: full windows with a rest
    at the end would encode much of the text twice, or leave the rest without context.

    doc_starts (Ints): First sub-token of each doc, then their number, (n_docs + 1,).
    window (int): Sub-tokens of a window at the most.
    stride (int): From the start of one window to that of the next, at the most.
    RETURNS (Windows): The windows, doc by doc; none for a doc without sub-tokens.
    """
    overlap = window - stride
    starts: list[Ints] = [np.zeros(0, dtype="int64")]
    sizes: list[Ints] = [np.zeros(0, dtype="int64")]
    for begin, end in zip(
        doc_starts[:-1].tolist(), doc_starts[1:].tolist(), strict=True
    ):
        n = end - begin
        n_windows = max(min(n, 1), -(-(n - overlap) // stride))
        size = -(-(n + (n_windows - 1) * overlap) // max(n_windows, 1))
        steps = np.arange(n_windows) * (n - size) // max(n_windows - 1, 1)
        starts.append(begin + steps)
        sizes.append(np.full(n_windows, size))
    first = np.concatenate(starts).astype("int64")
    lengths = np.concatenate(sizes).astype("int64")
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype("int64")
    return Windows(first, lengths, offsets, _weigh(first, lengths, offsets))


def _weigh(starts: Ints, lengths: Ints, offsets: Ints) -> Floats:
    """Weights that fall towards the edges of a window, normed over the windows."""
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    piece = place + np.repeat(starts, lengths)
    votes = np.minimum(place + 1, np.repeat(lengths, lengths) - place)
    total = np.bincount(piece, weights=votes)
    return (
        (votes / total[piece]).astype("float32")
        if len(piece)
        else np.zeros(0, dtype="float32")
    )


def group_windows(
    pieces: Pieces, windows: Windows, special: Special, *, pad_id: int, max_items: int
) -> list[Group]:
    """Put windows of like length together, so that little is computed on padding.

    pieces (Pieces): The sub-tokens.
    windows (Windows): Their windows.
    special (Special): What goes around each window.
    pad_id (int): Id of the padding sub-token.
    max_items (int): Most sub-tokens of a group, padding among them.
    RETURNS (list[Group]): The groups, the longest windows first.
    """
    order = np.argsort(-windows.lengths, kind="stable")
    edges = _find_edges(windows.lengths[order] + special.n, max_items)
    return [
        _make_group(pieces, windows, special, order[start:end], pad_id)
        for start, end in pairwise(edges)
    ]


def _find_edges(lengths: Ints, max_items: int) -> list[int]:
    """Cut a falling sequence of lengths where it costs least (dynamic programming).

    A group costs its sub-tokens, padding among them, and a constant.
    """
    n = len(lengths)
    constant = max(GROUP_COST, max_items // 32)
    costs = np.zeros(n + 1)  # of all windows before
    cuts = np.zeros(n + 1, dtype="int64")  # where the last group begins
    for end in range(1, n + 1):
        most = max(1, max_items // int(lengths[end - 1]))
        begins = np.arange(max(0, end - most), end)
        items = (end - begins) * lengths[begins]
        items[:-1][items[:-1] > max_items] = TOO_LARGE
        total = costs[begins] + items + constant
        best = int(total.argmin())
        costs[end], cuts[end] = total[best], begins[best]
    edges = [n]
    while edges[-1]:
        edges.append(int(cuts[edges[-1]]))
    return edges[::-1]


def _make_group(
    pieces: Pieces, windows: Windows, special: Special, chosen: Ints, pad_id: int
) -> Group:
    lengths = windows.lengths[chosen]  # (n_windows,)
    row = np.repeat(np.arange(len(chosen)), lengths)  # (n_slots,)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    piece = place + np.repeat(windows.starts[chosen], lengths)  # (n_slots,)
    n_prefix = len(special.prefix)
    width = int(lengths.max()) + special.n
    ids = np.full((len(chosen), width), pad_id, dtype="int64")
    ids[:, :n_prefix] = special.prefix
    ids[row, n_prefix + place] = pieces.ids[piece]
    for i, suffix in enumerate(special.suffix):
        ids[np.arange(len(chosen)), n_prefix + lengths + i] = suffix
    mask = np.arange(width) < (lengths + special.n)[:, None]  # (n_windows, width)
    slot = np.repeat(windows.offsets[chosen], lengths) + place
    votes = _find_votes(pieces, piece)
    return Group(
        ids=ids,
        mask=mask.astype("int64"),
        rows=(row * width + n_prefix + place)[votes.slots],
        tokens=pieces.part_token[votes.parts],
        weights=pieces.part_weight[votes.parts] * windows.weights[slot][votes.slots],
    )


class _Votes(NamedTuple):
    slots: Ints  # (n_votes,) place of the sub-token in the group
    parts: Ints  # (n_votes,) part of a token


def _find_votes(pieces: Pieces, piece: Ints) -> _Votes:
    """Pair the places of a group with the parts of tokens that they stand for."""
    first = np.searchsorted(pieces.part_piece, piece, side="left")  # (n_slots,)
    last = np.searchsorted(pieces.part_piece, piece, side="right")  # (n_slots,)
    counts = last - first
    slots = np.repeat(np.arange(len(piece)), counts)
    within = np.arange(len(slots)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Votes(slots, np.repeat(first, counts) + within)
