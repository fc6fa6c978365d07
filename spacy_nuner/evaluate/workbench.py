"""The cells of one data set: vectors once per sentence, then head after head."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language

from . import frozen
from .bench import Bench, Done, progress_bar, updater
from .data import Dataset, Gold, Ints, make_gold, sha256_of
from .features import clear_features, store_features
from .heads import Recipe, Runner, Task, without_docs
from .layers import best_layer, compare_layers, layer_columns, pool_subset
from .mistakes import count_mistakes
from .plan import Cell, Grid, Plan
from .predictions import Predictions
from .texts import Texts, count_texts


class Workbench(Bench):
    """Cells of frozen encoders: heads on arrays."""

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
        super().__init__(grid, recipe, hashes, dataset, plan)
        self.recipe = recipe
        self.pipelines = pipelines
        self.runner = runner
        self.cache = grid.output.parent / ".features" / dataset.name
        # Only the sentences of some training set need vectors
        drawn = {i for draw in plan.draws.values() for i in draw.indices}
        self.rows = {index: row for row, index in enumerate(sorted(drawn))}
        docs = [dataset.pool.docs[i] for i in self.rows]
        self.train = make_gold(docs, dataset.labels, source="pool")
        self.tagger = frozen.make_tagger(grid.config, dataset.labels)
        self.texts = Texts(dataset.test)

    def compute(self, cells: Sequence[Cell]) -> Iterator[Done]:
        """Compute cells, encoder by encoder."""
        for name in sorted({cell.system.encoder for cell in cells}):
            mine = [cell for cell in cells if cell.system.encoder == name]
            yield from self._compute_encoder(name, mine)

    def close(self) -> None:
        """Delete the vectors, unless they are wanted again."""
        if not self.grid.keep_features:
            clear_features(self.cache)

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
                subset=self._subset(),
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
            content = self.content(cells[i], figures, settings)
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
                progress=updater(bar),
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

    def _subset(self) -> tuple[Ints, Gold] | None:
        gold = self.subset_gold()
        if gold is None or self.subset is None:
            return None
        return self.dataset.test.rows(self.subset), without_docs(gold)

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
