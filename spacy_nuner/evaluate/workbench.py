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
from .features import store_features
from .heads import Recipe, Runner, Task, without_docs
from .layers import best_layer, compare_layers, layer_columns, pool_subset
from .mistakes import count_mistakes
from .ner_v3 import select_gold
from .plan import ZERO_SHOT, Cell, Grid, Plan, cell_key, describe
from .predictions import Predictions, hash_gold
from .texts import Texts, count_texts

Done = tuple[Cell, dict[str, Any], Predictions]


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
        self.names: dict[str, list[str]] = {}
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
        self.tagger = frozen.make_tagger(grid.config, dataset.labels)
        self.texts = Texts(dataset.test)
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

    def compute(self, cells: Sequence[Cell]) -> Iterator[Done]:
        """Compute cells, encoder by encoder.

        cells (Sequence[Cell]): From `open_cells`.
        YIELDS (Done): Each cell, its content and its predictions.
        """
        for name in sorted({cell.system.encoder for cell in cells}):
            mine = [cell for cell in cells if cell.system.encoder == name]
            yield from self._compute_encoder(name, mine)

    def _compute_encoder(self, name: str, cells: Sequence[Cell]) -> Iterator[Done]:
        encoder = self.grid.encoders[name]
        layers = self._layers(name)
        if name not in self.pipelines:
            self.pipelines[name] = frozen.load_frozen(
                self.grid.config, encoder, self.dataset, layers=layers
            )
        choice: dict[str, Any] = {}
        if any(cell.system.layer == "best" for cell in cells):
            choice = self._choose_layer(name, len(layers))
        Z = self._vectors(name, self.dataset.test, "test set")
        learns = any(not cell.system.zero_shot for cell in cells)
        X = self._vectors(name, self.train, "training sets") if learns else Z
        tags = frozen.gold_tag_ids(self.tagger, self.train, range(len(self.train.docs)))
        label_vectors = None
        if any(cell.system.start == "concept" for cell in cells):
            phrases = list(self.names.values())
            label_vectors = frozen.list_label_vectors(encoder, phrases)
        tasks = []
        for cell in cells:
            system, columns = cell.system, None
            if layers and system.layer != "default":
                layer = choice["chosen_layer"] if system.layer == "best" else layers[-1]
                columns = layer_columns(Z, layers.index(layer) + 1, len(layers))
            task = Task(
                **self._lesson(cell, X, Z, tags),
                test=Z,
                test_rows=None,
                gold=without_docs(self.dataset.test),
                subset=self._subset_gold(),
                labels=self.dataset.labels,
                recipe=self.recipe,
                label_vectors=label_vectors if system.start == "concept" else None,
                encoder=encoder if name == "nuner" and system.calibrated else None,
                whiten=frozen.uses_whitening(self.grid.config),
                columns=columns,
            )
            tasks.append(task)
        for i, figures in self.runner.run(tasks):
            settings = self.settings[cells[i].system.name]
            if cells[i].system.layer == "best":
                settings = settings | choice
            spans: Ints = figures.pop("spans")
            figures |= self._score_texts(spans)
            content = self._content(cells[i], figures, settings)
            found = Predictions(spans, cells[i].key, self.gold_sha256)
            yield cells[i], content, found

    def _lesson(self, cell: Cell, X: Path, Z: Path, tags: Ints) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What a head learns from: vectors and tags."""
        test = self.dataset.test
        if cell.system.zero_shot:
            # Nothing, but for the width of the vectors
            only = {"train_rows": test.rows([0]), "train_lengths": test.lengths[:1]}
            return {"train": Z, "tags": None, **only}
        drawn = [self.rows[i] for i in self.plan.draws[cell.k, cell.seed].indices]
        rows = self.train.rows(drawn)
        return {
            "train": X,
            "train_rows": rows,
            "train_lengths": self.train.lengths[drawn],
            "tags": tags[rows],
        }

    def _layers(self, encoder: str) -> list[int]:
        """Layers whose vectors are joined; none for what the config says."""
        systems = [s for s in self.grid.systems if s.encoder == encoder]
        if all(system.layer == "default" for system in systems):
            return []
        n_layers = frozen.count_layers(self.grid.encoders[encoder])
        if any(system.layer == "best" for system in systems):
            return list(range(1, n_layers + 1))
        return [n_layers]

    def _vectors(self, encoder: str, gold: Gold, what: str) -> Path:
        """RETURNS (Path): File of vectors."""
        title = f"{self.dataset.name}: vectors of the {what}"
        layers = self._layers(encoder)
        with progress_bar(len(gold.docs), title, "sentence") as bar:
            return store_features(
                self.pipelines[encoder],
                gold,
                cache=self.cache,
                encoder_sha256=sha256_of([self.hashes[encoder], self._encoding]),
                layer=f"{encoder} {layers or 'default'}",
                progress=_updater(bar),
            )

    @property
    def _encoding(self) -> Any:
        """Settings besides the encoder that decide vectors: windows, pooling."""
        components = self.settings[self.grid.systems[0].name]["components"]
        return [components["transformer"], components["nuner"]["model"]]

    def _choose_layer(self, encoder: str, n_layers: int) -> dict[str, Any]:
        gold = pool_subset(self.dataset)
        figures = compare_layers(
            self.runner,
            self._vectors(encoder, gold, "pool"),
            n_layers,
            gold,
            lambda indices: frozen.gold_tag_ids(self.tagger, gold, indices),
            self.dataset.labels,
            self.recipe,
        )
        return {
            "chosen_layer": best_layer(figures, n_layers),
            "layer_figures": {str(layer): f for layer, f in figures.items()},
        }

    def _subset_gold(self) -> tuple[Ints, Gold] | None:
        if self.subset is None:
            return None
        test = self.dataset.test
        docs = [test.docs[i] for i in self.subset]
        gold = make_gold(docs, self.dataset.labels, source="subset of the test set")
        return test.rows(self.subset), without_docs(gold)

    def _score_texts(self, spans: Ints) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What needs the documents or all entities."""
        gold = self.dataset.test.spans
        found = count_texts(self.texts, gold, spans, len(self.dataset.labels)).micro()
        return {
            "text_set_f1": float(found.f1),
            "text_set_p": float(found.precision),
            "text_set_r": float(found.recall),
            "mistakes": count_mistakes(gold, spans),
        }

    def _content(
        self, cell: Cell, figures: dict[str, Any], settings: dict[str, Any]
    ) -> dict[str, Any]:
        draw = self.plan.draws.get((cell.k, cell.seed))
        indices = draw.indices if draw else []
        docs = [self.dataset.pool.docs[i] for i in indices]
        return {
            "key": cell.key,
            "experiment": self.grid.output.name,
            "system": cell.system.name,
            "dataset": self.dataset.name,
            "k": cell.k,
            "seed": cell.seed,
            **figures,
            "n_train_sentences": len(indices),
            "n_train_entities": sum(len(doc.ents) for doc in docs),
            "n_test_sentences": len(self.dataset.test.docs),
            "sampler": draw.method if draw else None,
            "n_restarts": draw.n_restarts if draw else 0,
            "train_indices": indices,
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
