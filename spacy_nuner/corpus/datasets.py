"""The NER data sets that the project knows: which file, which format."""

from pathlib import Path
from typing import NamedTuple

from .sentences import Format


class Dataset(NamedTuple):
    """Where a data set lies and how it is written."""

    name: str
    pool: Path  # training sets are drawn from it
    test: Path
    format: Format
    labels: Path
    zero_shot_only: bool = False  # no few-shot learning is measured on it

    @property
    def missing(self) -> list[Path]:
        """The files of the data set that are not there."""
        return [path for path in (self.pool, self.test) if not path.is_file()]


# name: (folder under the assets, pool, test, format)
_KNOWN: dict[str, tuple[str, str, str, Format]] = {
    "gallery": (
        "sample/downstream",
        "gallery.pool.jsonl",
        "gallery.test.jsonl",
        "jsonl",
    ),
    "workshop": (
        "sample/downstream",
        "workshop.pool.jsonl",
        "workshop.test.jsonl",
        "jsonl",
    ),
    "mit_restaurant": (
        "datasets/mit_restaurant",
        "restauranttrain.bio",
        "restauranttest.bio",
        "label-token",
    ),
    "mit_movie": (
        "datasets/mit_movie",
        "engtrain.bio",
        "engtest.bio",
        "label-token",
    ),
    # the shared task's training file is not at hand: its development part is the pool
    "bionlp2004": (
        "datasets/bionlp2004_jnlpba",
        "devel.tsv",
        "test.tsv",
        "token-label",
    ),
    # `emerging.test.conll` is the test part before adjudication
    "wnut17": (
        "datasets/wnut17",
        "emerging.dev.conll",
        "emerging.test.annotated",
        "token-label",
    ),
    # labelled by machine ("silver"), validation and test part alike
    "wikineural": (
        "datasets/wikineural_en",
        "val.conllu",
        "test.conllu",
        "index-token-label",
    ),
}
# Encoders meet the labels of these by name alone: their pools are for looking at
_ZERO_SHOT_ONLY = frozenset({"wnut17", "wikineural"})

DATASETS: tuple[str, ...] = tuple(_KNOWN)


def find_dataset(name: str, assets: str | Path) -> Dataset:
    """Say where the files of a known data set are; they need not be there.

    name (str): one of `DATASETS`.
    assets (str | Path): the project's assets folder.
    RETURNS (Dataset): the data set.
    """
    folder, pool, test, format = _KNOWN[name]
    root = Path(assets)
    return Dataset(
        name,
        root / folder / pool,
        root / folder / test,
        format,
        root / "labels" / f"{name}.yml",
        zero_shot_only=name in _ZERO_SHOT_ONLY,
    )
