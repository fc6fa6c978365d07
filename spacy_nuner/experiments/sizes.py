"""How many sentences a variant will be trained on, before its corpus is made."""

import json
from functools import lru_cache
from pathlib import Path

from .plan import CORPUS_STATS, Job

# Of the sentences of a file of replies, as 'spacy-nuner corpus' splits them
TRAIN_SHARE = 0.9


def count_train(job: Job) -> int:
    """Count, or guess before the corpus is there.

    job (Job): The variant.
    RETURNS (int): Sentences of the training part.
    """
    made = job.corpus / CORPUS_STATS
    if made.is_file():
        return _read(made)[0]
    source = job.source / CORPUS_STATS
    if source.is_file():
        n_train, n_all = _read(source)
    else:
        n_all = 0 if job.replies is None else _count_lines(job.replies)
        n_train = round(TRAIN_SHARE * n_all)
    wanted = job.variant.recipe.sentences
    return round(wanted * n_train / n_all) if wanted and n_all else n_train


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[int, int]:
    stats = json.loads(path.read_text(encoding="utf8"))
    return int(stats["n_train"]), int(stats["n_sentences"])


@lru_cache(maxsize=64)
def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())
