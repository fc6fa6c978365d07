"""The cells of one data set: vectors once per sentence, then head after head."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from spacy.language import Language
from tqdm import tqdm

from . import frozen
from .cells import cell_path, is_finished
from .data import Dataset, Gold, Ints, make_gold, sha256_of
from .features import Vectors, store_features
from .heads import PIPE, Recipe, Runner, Task, without_docs
from .layers import best_layer, compare_layers, pool_subset
from .ner_v3 import select_gold
from .plan import Cell, Grid, Plan, cell_key, describe


class Workbench:
    """All that the cells of one data set share."""

    def __init__(
        self,
        grid: Grid,
        recipe: Recipe,
        hashes: dict[str, str],
        dataset: Dataset,
        plan: Plan,
        pipelines: dict[str, Language],
        runner: Runner,
    ) -> None:
        """Set up; nothing is computed yet.

        grid (Grid): What to run.
        recipe (Recipe): Optimizer and steps.
        hashes (dict[str, str]): Hash of each encoder folder.
        dataset (Dataset): The data set.
        plan (Plan): Its training sets.
        pipelines (dict[str, Language]): Filled when needed, shared by all data sets.
        runner (Runner): Trains the heads.
        """
        self.grid = grid
        self.recipe = recipe
        self.hashes = hashes
        self.dataset = dataset
        self.plan = plan
        self.pipelines = pipelines
        self.runner = runner
        self.cache = grid.output.parent / ".features" / dataset.name
        self.names: dict[str, str] = {}
        if any(system.start == "concept" for system in grid.systems):
            file = grid.labels_dir / f"{dataset.name}.yml"
            self.names = frozen.read_names(file, dataset.labels)
        self.settings = {
            system.name: describe(system, grid.config, recipe, self.names)
            for system in grid.systems
        }
        self.subset = _find_subset(grid, dataset)
        # Only the sentences of some training set need vectors
        drawn = {i for draw in plan.draws.values() for i in draw.indices}
        self.rows = {index: row for row, index in enumerate(sorted(drawn))}
        docs = [dataset.pool.docs[i] for i in self.rows]
        self.train = make_gold(docs, dataset.labels, source="pool")

    def open_cells(self) -> tuple[list[Cell], int]:
        """RETURNS (tuple[list[Cell], int]): Cells to compute; how many are finished."""
        subset = None if self.subset is None else sha256_of(self.subset)
        cells = []
        for system in sorted(self.grid.systems, key=lambda s: s.encoder):
            settings = self.settings[system.name]
            for k, seed in self.plan.draws:
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
                )
                cells.append(Cell(system, k, seed, path, key))
        todo = [cell for cell in cells if not is_finished(cell.path, cell.key)]
        return todo, len(cells) - len(todo)

    def compute(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """Compute cells, encoder by encoder.

        cells (Sequence[Cell]): From `open_cells`.
        YIELDS (tuple[Cell, dict[str, Any]]): Each cell and its content.
        """
        for name in sorted({cell.system.encoder for cell in cells}):
            mine = [cell for cell in cells if cell.system.encoder == name]
            yield from self._compute_encoder(name, mine)

    def _compute_encoder(
        self, name: str, cells: Sequence[Cell]
    ) -> Iterator[tuple[Cell, dict[str, Any]]]:
        encoder = self.grid.encoders[name]
        chosen = any(cell.system.layer == "best" for cell in cells)
        layers = self._layers(name)
        if name not in self.pipelines:
            self.pipelines[name] = frozen.load_frozen(
                self.grid.config, encoder, self.dataset, layers=layers
            )
        nlp = self.pipelines[name]
        pipe: Any = nlp.get_pipe(PIPE)
        labels = self.dataset.labels
        pipes = {"last": PIPE}
        choice: dict[str, Any] = {}
        if chosen:
            choice = self._choose_layer(nlp, name, layers)
            pipes["best"] = frozen.layer_pipe(choice["chosen_layer"])
        X = self._vectors(nlp, name, pipes, self.train, "training sets")
        Z = self._vectors(nlp, name, pipes, self.dataset.test, "test set")
        frozen.start_labels(nlp, labels, X["last"])
        Y = frozen.gold_tag_ids(nlp, self.train, range(len(self.train.docs)))
        starts: dict[str, Vectors | None] = {"random": None}
        if any(cell.system.start == "concept" for cell in cells):
            starts["concept"] = pipe.label_vectors(encoder, self.names)
        tasks = []
        for cell in cells:
            drawn = self.plan.draws[cell.k, cell.seed].indices
            rows = self.train.rows([self.rows[i] for i in drawn])
            task = Task(
                train=X[cell.system.layer],
                train_rows=rows,
                tags=Y[rows],
                test=Z[cell.system.layer],
                test_rows=None,
                gold=without_docs(self.dataset.test),
                subset=self._subset_gold(),
                labels=labels,
                recipe=self.recipe,
                label_vectors=starts[cell.system.start],
            )
            tasks.append(task)
        for i, figures in self.runner.run(tasks):
            settings = self.settings[cells[i].system.name]
            if cells[i].system.layer == "best":
                settings = settings | choice
            yield cells[i], self._content(cells[i], figures, settings)

    def _layers(self, encoder: str) -> list[int]:
        """Hidden states to choose from, where some system wants the best one."""
        systems = [s for s in self.grid.systems if s.encoder == encoder]
        if all(system.layer == "last" for system in systems):
            return []
        return list(range(1, frozen.count_layers(self.grid.encoders[encoder]) + 1))

    def _vectors(
        self,
        nlp: Language,
        encoder: str,
        pipes: dict[str, str],
        gold: Gold,
        what: str,
    ) -> dict[str, Path]:
        """RETURNS (dict[str, Path]): Files of vectors by "last", "best"."""
        layers = {pipe: f"{encoder} {pipe}" for pipe in pipes.values()}
        title = f"{self.dataset.name}: vectors of the {what}"
        with progress_bar(len(gold.docs), title, "sentence") as bar:
            found = store_features(
                nlp,
                layers,
                gold,
                cache=self.cache,
                encoder_sha256=sha256_of([self.hashes[encoder], self._encoding]),
                progress=_updater(bar),
            )
        return {layer: found[pipe] for layer, pipe in pipes.items()}

    @property
    def _encoding(self) -> Any:
        """Settings besides the encoder that decide vectors: windows, pooling."""
        components = self.settings[self.grid.systems[0].name]["components"]
        return [components["transformer"], components["nuner"]["model"]]

    def _choose_layer(
        self, nlp: Language, encoder: str, layers: Sequence[int]
    ) -> dict[str, Any]:
        gold = pool_subset(self.dataset)
        pipes = {str(layer): frozen.layer_pipe(layer) for layer in layers}
        found = self._vectors(nlp, encoder, pipes, gold, "pool")
        frozen.start_labels(nlp, self.dataset.labels, found["1"])
        figures = compare_layers(
            self.runner,
            {int(layer): path for layer, path in found.items()},
            gold,
            lambda indices: frozen.gold_tag_ids(nlp, gold, indices),
            self.dataset.labels,
            self.recipe,
        )
        return {
            "chosen_layer": best_layer(figures, max(layers)),
            "layer_figures": {str(layer): f for layer, f in figures.items()},
        }

    def _subset_gold(self) -> tuple[Ints, Gold] | None:
        if self.subset is None:
            return None
        test = self.dataset.test
        docs = [test.docs[i] for i in self.subset]
        gold = make_gold(docs, self.dataset.labels, source="subset of the test set")
        return test.rows(self.subset), without_docs(gold)

    def _content(
        self, cell: Cell, figures: dict[str, Any], settings: dict[str, Any]
    ) -> dict[str, Any]:
        draw = self.plan.draws[cell.k, cell.seed]
        docs = [self.dataset.pool.docs[i] for i in draw.indices]
        return {
            "key": cell.key,
            "experiment": self.grid.output.name,
            "system": cell.system.name,
            "dataset": self.dataset.name,
            "k": cell.k,
            "seed": cell.seed,
            **figures,
            "n_train_sentences": len(draw.indices),
            "n_train_entities": sum(len(doc.ents) for doc in docs),
            "n_test_sentences": len(self.dataset.test.docs),
            "sampler": draw.method,
            "n_restarts": draw.n_restarts,
            "train_indices": draw.indices,
            "settings": settings,
        }


def _updater(bar: Any) -> Callable[[int], object]:
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
