"""What the cells of one data set share, however their heads are trained."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from spacy.tokens import Doc
from tqdm import tqdm

from . import frozen
from .cells import cell_path, is_finished
from .data import Dataset, Gold, make_gold, sha256_of
from .heads import Recipe
from .ner_v3 import select_gold
from .plan import ZERO_SHOT, Cell, Grid, Plan, cell_key, describe
from .predictions import Predictions, hash_gold

Done = tuple[Cell, dict[str, Any], Predictions]


class Bench(ABC):
    """Names, settings and open cells of one data set."""

    def __init__(
        self,
        grid: Grid,
        recipe: Recipe | None,
        hashes: dict[str, str],
        dataset: Dataset,
        plan: Plan,
    ) -> None:
        """Set up; nothing is computed yet.

        grid (Grid): What to run.
        recipe (Recipe | None): Optimizer and steps of a head; None: the config's
            training as a whole.
        hashes (dict[str, str]): Hash of each encoder folder.
        dataset (Dataset): The data set.
        plan (Plan): Its training sets.
        """
        self.grid = grid
        self.hashes = hashes
        self.dataset = dataset
        self.plan = plan
        self.names: dict[str, list[str]] = {}
        if any(system.start == "concept" for system in grid.systems):
            file = grid.labels_dir / f"{dataset.name}.yml"
            self.names = frozen.read_names(file, dataset.labels)
        self.settings = {
            system.name: describe(system, grid.config, recipe, self.names)
            for system in grid.systems
        }
        self.subset = _find_subset(grid, dataset)
        self.gold_sha256 = hash_gold(dataset.test, dataset.labels)

    def open_cells(self) -> tuple[list[Cell], int]:
        """RETURNS (tuple[list[Cell], int]): Cells to compute; how many are finished."""
        subset = None if self.subset is None else sha256_of(self.subset)
        cells = []
        for system in sorted(self.grid.systems, key=lambda s: s.encoder):
            settings = self.settings[system.name]
            for k, seed in [ZERO_SHOT] if system.zero_shot else self.plan.draws:
                draw = self.plan.draws.get((k, seed))
                path = cell_path(
                    self.grid.output,
                    system=system.name,
                    dataset=self.dataset.name,
                    k=k,
                    seed=seed,
                )
                key = cell_key(
                    settings,
                    dataset=self.dataset,
                    encoder_sha256=self.hashes[system.encoder],
                    k=k,
                    seed=seed,
                    subset_sha256=subset,
                    set_sha256=draw.sha256 if draw else None,
                )
                cells.append(Cell(system, k, seed, path, key))
        todo = [cell for cell in cells if not is_finished(cell.path, cell.key)]
        return todo, len(cells) - len(todo)

    @abstractmethod
    def compute(self, cells: Sequence[Cell]) -> Iterator[Done]:
        """Compute cells.

        cells (Sequence[Cell]): From `open_cells`.
        YIELDS (Done): Each cell, its content and its predictions.
        """

    @abstractmethod
    def close(self) -> None:
        """Delete what was only of use on the way."""

    def train_docs(self, cell: Cell) -> list[Doc]:
        """RETURNS (list[Doc]): The training set of a cell; empty for zero-shot."""
        draw = self.plan.draws.get((cell.k, cell.seed))
        return [self.dataset.pool.docs[i] for i in draw.indices] if draw else []

    def subset_gold(self) -> Gold | None:
        """RETURNS (Gold | None): Test sentences that are scored apart, if any are."""
        if self.subset is None:
            return None
        docs = [self.dataset.test.docs[i] for i in self.subset]
        return make_gold(docs, self.dataset.labels, source="subset of the test set")

    def content(
        self, cell: Cell, figures: dict[str, Any], settings: dict[str, Any]
    ) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): A cell's file: what it is, and its figures."""
        draw = self.plan.draws.get((cell.k, cell.seed))
        docs = self.train_docs(cell)
        return {
            "key": cell.key,
            "experiment": self.grid.output.name,
            "system": cell.system.name,
            "dataset": self.dataset.name,
            "k": cell.k,
            "seed": cell.seed,
            **figures,
            "n_train_sentences": len(docs),
            "n_train_entities": sum(len(doc.ents) for doc in docs),
            "n_test_sentences": len(self.dataset.test.docs),
            "sampler": draw.method if draw else None,
            "n_restarts": draw.n_restarts if draw else 0,
            "train_indices": draw.indices if draw else [],
            "settings": settings,
        }


def updater(bar: Any) -> Callable[[int], object]:
    """RETURNS (Callable[[int], object]): What moves a bar on."""
    return lambda n: bar.update(n)


def progress_bar(total: int, what: str, unit: str) -> AbstractContextManager[Any]:
    """RETURNS (ContextManager[tqdm]): A bar on stderr, none where no one looks."""
    disable = None if total else True
    return tqdm(total=total, desc=what, unit=unit, disable=disable, leave=False)


def _find_subset(grid: Grid, dataset: Dataset) -> list[int] | None:
    """Test sentences that the LLM was asked, where they are not all."""
    for folder in grid.gold_dirs:
        file = folder / f"{dataset.name}.gold.jsonl"
        if file.is_file():
            return select_gold(dataset.test, file)
    return None
