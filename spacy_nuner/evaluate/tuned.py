"""Cells whose encoder is trained, too (Section 6): a whole training for each cell."""

import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config

from ..errors import Errors
from .bench import Bench, Done, progress_bar
from .data import Gold, copy_tokens, make_gold
from .features import PIPE, batches_by_length
from .figures import score_entities
from .metrics import Ints
from .plan import SYSTEMS, Cell, System
from .predictions import Predictions

# Words of the test set that are tagged together
MAX_TOKENS = 4096


def trains_encoder(config: Config) -> bool:
    """RETURNS (bool): Whether a config of `spacy train` leaves the encoder free."""
    return "transformer" not in config["training"].get("frozen_components", [])


def fit_config(
    config: Config, system: System, encoder: Path, *, has_labels: bool
) -> Config:
    """Fit a training config to a system of the grid.

    config (Config): Config of `spacy train`.
    system (System): The system.
    encoder (Path): Its encoder folder, whatever the config says.
    has_labels (bool): Whether the labels have names in plain words.
    RETURNS (Config): The config; labels and data are still to come.
    """
    config = Config(deepcopy(config))
    config.setdefault("paths", {})["encoder"] = str(encoder.resolve())
    model = config["components"]["transformer"]["model"]
    model["name"] = "${paths.encoder}"
    if system.layer == "last":
        model["layers"] = [-1]
    begin = config["initialize"]["components"].setdefault(PIPE, {})
    begin["start"] = system.start
    if system.start == "concept" and has_labels:
        begin["label_names"] = "${paths.label_names}"
    return config


def find_tunable(systems: Sequence[System]) -> list[System]:
    """RETURNS (list[System]): Systems that a whole training can stand behind: something
    is trained, and the layer is not chosen by heads on the vectors of a frozen encoder.
    """
    return [s for s in systems if not s.zero_shot and s.layer != "best"]


def check_systems(systems: Sequence[System]) -> None:
    """RAISES (ValueError): If a system is there with a frozen encoder only."""
    allowed = find_tunable(systems)
    wrong = [system.name for system in systems if system not in allowed]
    if wrong:
        known = ", ".join(system.name for system in find_tunable(SYSTEMS))
        raise ValueError(Errors.N526.format(got=", ".join(wrong), allowed=known))


class TunedBench(Bench):
    """Cells of one data set, for each of which a whole pipeline is trained."""

    def compute(self, cells: Sequence[Cell]) -> Iterator[Done]:
        """Train and test one pipeline after another, the smallest sets first."""
        for cell in sorted(cells, key=lambda c: len(self.train_docs(c))):
            begin = time.perf_counter()
            nlp = self._train(cell)
            tagged = self._tag(nlp)
            figures, spans = self._score(self.dataset.test, tagged)
            subset = self.subset_gold()
            if subset is not None and self.subset is not None:
                short, _ = self._score(subset, [tagged[i] for i in self.subset])
                names = ("token_macro_f1", "entity_micro_f1")
                figures["subset_ner_v3"] = {name: short[name] for name in names}
            figures["seconds"] = time.perf_counter() - begin
            content = self.content(cell, figures, self.settings[cell.system.name])
            yield cell, content, Predictions(spans, cell.key, self.gold_sha256)

    def close(self) -> None:
        """Nothing is left: each pipeline was in memory alone."""

    def _train(self, cell: Cell) -> Language:
        encoder = self.grid.encoders[cell.system.encoder]
        names = self.names or {label: [] for label in self.dataset.labels}
        config = fit_config(
            self.grid.config, cell.system, encoder, has_labels=bool(self.names)
        )
        train: Any = registry.get("misc", "spacy-nuner.train_pipeline.v1")
        nlp: Language = train(config, self.train_docs(cell), names)
        return nlp

    def _tag(self, nlp: Language) -> list[Doc]:
        """RETURNS (list[Doc]): The test set as the pipeline annotates it."""
        test = self.dataset.test
        docs = [copy_tokens(doc, nlp.vocab) for doc in test.docs]
        title = f"{self.dataset.name}: test set"
        with progress_bar(len(docs), title, "sentence") as bar:
            for batch in batches_by_length(test, max_tokens=MAX_TOKENS):
                # The pipes annotate the very docs that they are given
                for _ in nlp.pipe((docs[i] for i in batch), batch_size=len(batch)):
                    bar.update()
        return docs

    def _score(self, gold: Gold, docs: list[Doc]) -> tuple[dict[str, Any], Ints]:
        """RETURNS (tuple[dict[str, Any], Ints]): Figures, and the entities."""
        labels = self.dataset.labels
        spans = make_gold(docs, labels, source="the pipeline").spans
        return score_entities(gold, spans, labels), spans
