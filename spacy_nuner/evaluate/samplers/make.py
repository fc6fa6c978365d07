"""Draw sets by any sampler and save them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import Errors
from ..data import Dataset
from ..metrics import Ints
from ..sampling import Draw, check_sample, sample
from .episodes import sample_episode
from .files import SAMPLERS, hash_texts, set_path, write_set
from .nested import explain, sample_nested
from .words import count_words, sample_words


class Request(NamedTuple):
    """Which sets to draw."""

    sampler: str  # one of SAMPLERS, or "episodes"
    ks: Sequence[int]
    n_sets: int
    n_way: int = 5  # types of an episode
    q: int = 1  # mentions of each type to be asked in an episode


class Result(NamedTuple):
    """What was done for one data set."""

    n_written: int
    n_same: int  # files that were there with the same content
    impossible: list[dict[str, Any]]  # "dataset", "k", "types", "reason"


def make_sets(dataset: Dataset, folder: Path, request: Request) -> Result:
    """Draw and save the sets of one data set.

    dataset (Dataset): The data set.
    folder (Path): Its folder, in which `sets/` is made.
    request (Request): Which sets.
    RETURNS (Result): What was written, and which (k, types) the pool does not allow.
    RAISES (ValueError): For an unknown sampler.
    """
    if request.sampler not in (*SAMPLERS, "episodes"):
        allowed = ", ".join((*SAMPLERS, "episodes"))
        raise ValueError(
            Errors.N523.format(got=f"'{request.sampler}'", allowed=allowed)
        )
    if request.sampler == "episodes":
        return _make_episodes(dataset, folder, request)
    if request.sampler == "words":
        counts = count_words(dataset.pool, len(dataset.labels))
    else:
        counts = dataset.counts
    found: dict[int, int] = dict.fromkeys(request.ks, 0)
    n_written = 0
    for k, seed, draw in _draw(request, counts):
        if request.sampler != "words":
            check_sample(counts, draw.indices, k, labels=dataset.labels)
        content = {
            "sampler": request.sampler,
            "k": k,
            "seed": seed,
            "method": draw.method,
            "n_restarts": draw.n_restarts,
        }
        path = set_path(folder, request.sampler, k, seed)
        n_written += write_set(path, dataset, content, draw.indices, counts)
        found[k] += 1
    impossible = [
        _explain(dataset, request, counts, k, n)
        for k, n in found.items()
        if n < request.n_sets
    ]
    return Result(n_written, sum(found.values()) - n_written, impossible)


def _draw(request: Request, counts: Ints) -> Iterator[tuple[int, int, Draw]]:
    for seed in range(request.n_sets):
        if request.sampler == "nested":
            chain = sample_nested(counts, request.ks, seed=seed)
            yield from ((k, seed, draw) for k, draw in chain.draws.items())
            continue
        draw_one = sample_words if request.sampler == "words" else sample
        for k in request.ks:
            draw = draw_one(counts, k, seed=seed)
            if draw is not None:
                yield k, seed, draw


def _explain(
    dataset: Dataset, request: Request, counts: Ints, k: int, n: int
) -> dict[str, Any]:
    if request.sampler == "words":
        words = counts.sum(axis=0)
        types = {
            label: int(words[i])
            for i, label in enumerate(dataset.labels)
            if words[i] < k
        }
        reason = f"the pool has fewer than {k} words of a type"
    else:
        types = explain(counts, k, dataset.labels)
        reason = "fewer than k mentions in sentences with at most 2k of each type"
    if not types:
        around = " around the smaller ones" if request.sampler == "nested" else ""
        reason = f"{request.n_sets - n} of {request.n_sets} sets were not found{around}"
    return {"dataset": dataset.name, "k": k, "types": types, "reason": reason}


def _make_episodes(dataset: Dataset, folder: Path, request: Request) -> Result:
    counts = dataset.counts
    name = f"{request.n_way}way"
    n_written = n_same = 0
    impossible = []
    for k in request.ks:
        for seed in range(request.n_sets):
            try:
                episode = sample_episode(
                    counts,
                    dataset.labels,
                    n_way=request.n_way,
                    k=k,
                    q=request.q,
                    seed=seed,
                )
            except ValueError as error:
                entry = {"dataset": dataset.name, "k": k, "types": {}}
                impossible.append({**entry, "reason": str(error)})
                break
            content = {
                "sampler": "episodes",
                "k": k,
                "seed": seed,
                "n_way": request.n_way,
                "q": request.q,
                "method": episode.method,
                "labels": episode.labels,
                "n_choices": episode.n_choices,
                "query": episode.query,
                "query_text_sha256": hash_texts(dataset, episode.query),
            }
            path = set_path(folder, name, k, seed)
            new = write_set(path, dataset, content, episode.support, counts)
            n_written += new
            n_same += not new
    return Result(n_written, n_same, impossible)
