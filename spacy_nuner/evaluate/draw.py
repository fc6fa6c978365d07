"""The training set of a data set for one k and seed, as every system gets it."""

from ..errors import Errors
from .data import Dataset
from .plan import draw_sets
from .samplers.words import count_words, sample_words
from .sampling import sample


def draw_set(dataset: Dataset, *, k: int = 0, k_words: int = 0, seed: int) -> list[int]:
    """Draw a training set.

    dataset (Dataset): The data set.
    k (int): Mentions of each type, to 2k; 0: not by mentions.
    k_words (int): Words of each type; 0: not by words.
    seed (int): Number of the set.
    RETURNS (list[int]): Rows of the pool; all where neither k nor k_words is given.
    RAISES (ValueError): If both are given, or the pool allows no such set.
    """
    if k and k_words:
        raise ValueError(Errors.N584.format(problem="got both k and k_words"))
    if not k and not k_words:
        return list(range(len(dataset.pool.docs)))
    if dataset.zero_shot_only:
        problem = f"the pool of '{dataset.name}' is not to be learned from"
        raise ValueError(Errors.N584.format(problem=problem))
    if k:
        draw = sample(dataset.counts, k, seed=seed)
    else:
        words = count_words(dataset.pool, len(dataset.labels))
        draw = sample_words(words, k_words, seed=seed)
    if draw is None:
        reasons = draw_sets(dataset, [k], 1).unreachable if k else []
        types = reasons[0]["types"] if reasons else {}
        problem = f"the pool of '{dataset.name}' allows no such set {types or ''}"
        raise ValueError(Errors.N584.format(problem=problem.strip()))
    return draw.indices
