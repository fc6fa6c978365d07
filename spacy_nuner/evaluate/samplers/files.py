"""Training sets as files: `<dataset>/sets/<sampler>/k<k>/seed<s>.json`.

A file names its sentences by row and by a hash of their text, and holds a hash of
itself and of the data set: a set that does not fit the data is refused, not used.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import srsly

from ...errors import Errors, Warnings
from ..cells import write_json
from ..data import Dataset, sha256_of
from ..metrics import Ints
from ..plan import Plan
from ..sampling import Draw, check_sample

logger = logging.getLogger(__name__)

FORMAT = 1
# What `evaluate` can be given; episodes have sets of their own kind
SAMPLERS = ("k2k", "words", "nested")


def name_k(sampler: str, k: int) -> int | str:
    """RETURNS (int | str): k as cells and folders have it: "kw8" for words."""
    return f"kw{k}" if sampler == "words" else k


def set_path(folder: Path, sampler: str, k: int, seed: int) -> Path:
    """Where a set lies.

    folder (Path): Folder of the data set.
    sampler (str): Name of the sampler, "5way" and the like for episodes.
    k (int): Mentions or words of each type.
    seed (int): Number of the set.
    RETURNS (Path): The file.
    """
    name = name_k(sampler, k)
    part = name if isinstance(name, str) else f"k{k}"
    return folder / "sets" / sampler / part / f"seed{seed}.json"


def hash_texts(dataset: Dataset, indices: Iterable[int]) -> list[str]:
    """RETURNS (list[str]): Hash of the text of each of these sentences of the pool."""
    texts = (dataset.pool.docs[i].text for i in indices)
    return [hashlib.sha256(text.encode("utf8")).hexdigest()[:16] for text in texts]


def write_set(
    path: Path,
    dataset: Dataset,
    content: Mapping[str, Any],
    indices: Sequence[int],
    counts: Ints,
) -> bool:
    """Write a set, all or nothing.

    path (Path): From `set_path`.
    dataset (Dataset): The data set.
    content (Mapping[str, Any]): What else is to be known: sampler, k, seed, method.
    indices (Sequence[int]): Rows of the pool.
    counts (Ints): What the sampler counts, (n_sentences, n_types).
    RETURNS (bool): False if the file is there with the same content. One that is
        damaged is written anew, with a warning.
    """
    totals = counts[list(indices)].sum(axis=0).tolist()
    whole = {
        "format": FORMAT,
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        **content,
        "indices": list(indices),
        "text_sha256": hash_texts(dataset, indices),
        "counts": dict(zip(dataset.labels, totals, strict=True)),
    }
    whole["sha256"] = sha256_of(whole)
    if path.is_file():
        try:
            if _load(path) == whole:
                return False
        except ValueError as error:
            logger.warning(Warnings.W530.format(path=path, problem=error))
    write_json(path, whole)
    return True


def _load(path: Path) -> dict[str, Any]:
    try:
        content = srsly.read_json(path)
    except ValueError as error:
        raise ValueError(f"no whole JSON, {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"a JSON {type(content).__name__}, not an object")
    return content


def read_set(path: Path, dataset: Dataset) -> dict[str, Any]:
    """Read a set and check it.

    path (Path): The file.
    dataset (Dataset): The data set whose pool it is of.
    RETURNS (dict[str, Any]): Its content.
    RAISES (ValueError): If the file was changed or is of other data.
    """
    try:
        content = _load(path)
    except ValueError as error:
        raise ValueError(Errors.N522.format(path=path, problem=error)) from None
    bare = {name: value for name, value in content.items() if name != "sha256"}
    problem = None
    if content.get("sha256") != sha256_of(bare):
        problem = "its content doesn't have the hash that it names"
    elif content.get("dataset_sha256") != dataset.sha256:
        problem = f"it was drawn from other data than '{dataset.name}' has now"
    elif content.get("text_sha256") != hash_texts(dataset, content.get("indices", [])):
        problem = "its sentences have other texts"
    if problem:
        raise ValueError(Errors.N522.format(path=path, problem=problem))
    return content


def read_sets(
    dataset: Dataset, folder: Path, sampler: str, ks: Iterable[int], n_sets: int
) -> Plan:
    """Read the training sets of a grid.

    dataset (Dataset): The data set.
    folder (Path): Its folder.
    sampler (str): One of SAMPLERS.
    ks (Iterable[int]): Values of k.
    n_sets (int): Sets for each k.
    RETURNS (Plan): The sets, and the k of which not all are there.
    RAISES (ValueError): For an unknown sampler, or a set that does not fit the data.
    """
    if sampler not in SAMPLERS:
        raise ValueError(
            Errors.N523.format(got=f"'{sampler}'", allowed=", ".join(SAMPLERS))
        )
    draws: dict[tuple[int | str, int], Draw] = {}
    counts = dataset.counts
    unreachable: list[dict[str, Any]] = []
    for k in () if dataset.zero_shot_only else ks:
        missing = []
        for seed in range(n_sets):
            path = set_path(folder, sampler, k, seed)
            if not path.is_file():
                missing.append(seed)
                continue
            saved = read_set(path, dataset)
            if sampler != "words":
                check_sample(counts, saved["indices"], k, labels=dataset.labels)
            draws[name_k(sampler, k), seed] = Draw(
                saved["indices"], saved["method"], saved["n_restarts"], saved["sha256"]
            )
        if missing:
            where = set_path(folder, sampler, k, 0).parent
            reason = f"no saved set for the seeds {missing} in {where}"
            k_name = name_k(sampler, k)
            unreachable.append(
                {"dataset": dataset.name, "k": k_name, "types": {}, "reason": reason}
            )
    return Plan(draws, unreachable)
