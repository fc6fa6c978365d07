"""All of our figures, and the scale at which each was made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .collect import Cell, read_cells
from .files import read_object
from .intervals import describe
from .rows import BASE_SCALE, BASE_SYSTEMS, GROUPS, Row, k_order, stat_dict
from .sources import Source

ABLATIONS = "ablations"
VARIANT = "variant.json"
EPISODES = "few_nerd"
# Experiments, or systems, of models that are not our encoder
OTHER_MODELS = {
    "ner_v3": "a language model, asked",
    "universal_ner": "a language model, asked",
    "others": "a published model",
    "ner_bert": "the same base encoder",
}
NOT_PRE_TRAINED = dict.fromkeys(BASE_SYSTEMS, BASE_SCALE)
# Added to a metric: over the test sentences that the LLM was asked, and no others
ASKED_ALONE = " on the LLM's sentences"
BySeed = dict[int, float]
Key = tuple[str, str, str, str]  # experiment, system, data set, k


class Place(NamedTuple):
    """The cells that a figure is made of."""

    source: Source  # with the system's whole name
    k: str
    datasets: list[str]

    @property
    def rank(self) -> tuple[int, ...]:
        """RETURNS (tuple[int, ...]): More of the paper's data sets are better."""
        return rank_datasets(self.datasets)


def rank_datasets(datasets: Sequence[str]) -> tuple[int, ...]:
    """RETURNS (tuple[int, ...]): Data sets of each group, and all."""
    groups = (sum(d in names for d in datasets) for names in GROUPS.values())
    return (*groups, len(datasets))


class Ours(NamedTuple):
    """Figures in points, by experiment and system."""

    scores: dict[Key, dict[str, BySeed]]  # metric -> seed
    variants: dict[tuple[str, str], dict[str, Any]]  # variant.json
    episodes: dict[tuple[str, str], dict[str, Any]]  # system, "5way1shot" -> summary
    scale: str  # of the main encoder
    n_test: dict[Key, int | None]  # test sentences

    def list_places(
        self,
        sources: Sequence[Source],
        k: str,
        metric: str,
        datasets: Sequence[str] = (),
    ) -> list[Place]:
        """List where a figure can be had from: each source that has these cells.

        sources (Sequence[Source]): The best first.
        k (str): Where there are no sets of "kw8" words, k~2k sets of 8 stand in.
        metric (str): Of the figure.
        datasets (Sequence[str]): All of them; the paper's that are there if empty.
        RETURNS (list[Place]): In the order of the sources.
        """
        there = list(dict.fromkeys(key[:2] for key in sorted(self.scores)))
        places = []
        for source in sources:
            for experiment, system in there:
                if experiment != source.experiment or not _fits(source.system, system):
                    continue
                found = source._replace(system=system)
                for name in dict.fromkeys((k, k.removeprefix("kw"))):
                    sets = list(datasets) or self.list_datasets(found, name)
                    if sets and self.by_seed(found, name, metric, sets):
                        places.append(Place(found, name, sets))
                        break
        return places

    def find(
        self,
        sources: Sequence[Source],
        k: str,
        metric: str,
        datasets: Sequence[str] = (),
    ) -> Place | None:
        """Find the cells of one figure; other figures may be of other sources.

        A source that is not finished stands back for one with all data sets.

        sources (Sequence[Source]): The best first.
        k (str): As for `list_places`.
        metric (str): Of the figure.
        datasets (Sequence[str]): As for `list_places`.
        RETURNS (Place | None): None: no source has such cells.
        """
        places = self.list_places(sources, k, metric, datasets)
        return max(places, key=lambda place: place.rank, default=None)

    def narrow(self, place: Place, metric: str, n_asked: int | None) -> str:
        """Take the figure over just the sentences that the LLM was asked.

        place (Place): Cells of one data set.
        metric (str): Of the figure.
        n_asked (int | None): Sentences that the LLM was asked; None: not known.
        RETURNS (str): The metric to look up: the same one where the cells have no such
            figure, or need none.
        """
        key = (*place.source[:2], place.datasets[0], place.k)
        if n_asked is None or len(place.datasets) > 1 or self.n_test[key] == n_asked:
            return metric
        narrow = metric + ASKED_ALONE
        full, part = (self.scores[key].get(name, {}) for name in (metric, narrow))
        return narrow if part.keys() == full.keys() else metric

    def count_asked(self, sources: Sequence[Source], dataset: str) -> int | None:
        """RETURNS (int | None): Sentences of a test set that an LLM was asked."""
        for source in sources:
            for (experiment, system, name, _), n in sorted(self.n_test.items()):
                is_it = experiment == source.experiment and name == dataset
                if is_it and _fits(source.system, system):
                    return n
        return None

    def list_datasets(self, source: Source, k: str) -> list[str]:
        """RETURNS (list[str]): The data sets that a mean is taken over.

        The paper's own where there are any, else the shipped ones.
        """
        key = source.experiment, source.system
        there = {d for e, s, d, at in self.scores if (e, s) == key and at == k}
        for names in GROUPS.values():
            if found := [name for name in names if name in there]:
                return found
        return sorted(there)

    def by_seed(
        self, source: Source, k: str, metric: str, datasets: Sequence[str]
    ) -> BySeed:
        """RETURNS (BySeed): Mean over data sets of each training set."""
        key = source.experiment, source.system
        all_of = [self.scores.get((*key, name, k), {}).get(metric) for name in datasets]
        known = [scores for scores in all_of if scores]
        if len(known) < len(datasets) or not known:
            return {}
        seeds = set.intersection(*(set(scores) for scores in known))
        return {s: sum(one[s] for one in known) / len(known) for s in sorted(seeds)}

    def ks(self, sources: Sequence[Source]) -> list[str]:
        """RETURNS (list[str]): The k that any of some sources has, in order."""
        found = {
            k
            for experiment, system, _, k in self.scores
            for source in sources
            if experiment == source.experiment and _fits(source.system, system)
        }
        return sorted(found, key=k_order)

    def describe(
        self, source: Source, k: str, metric: str, datasets: Sequence[str]
    ) -> Row:
        """RETURNS (Row): Mean and interval, {} without cells."""
        values = self.by_seed(source, k, metric, datasets)
        return stat_dict(describe(list(values.values()))) if values else {}

    def say_scale(self, source: Source) -> str:
        """RETURNS (str): Encoder and sentences in words."""
        experiment, system = source.experiment, source.system
        variant = self.variants.get((experiment.partition("/")[2], system))
        if variant is None:
            named = NOT_PRE_TRAINED | OTHER_MODELS
            return named.get(experiment, named.get(system, self.scale))
        corpus = variant["corpus"]
        text = f"{variant['encoder']}, {corpus['n_train']:,} sentences"
        return f"{text} of {corpus['name']}, {corpus['n_concepts']:,} concepts"


def _fits(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern


def read_ours(metrics: Path, *, scale: str) -> Ours:
    """Read all cells, the ablations' too.

    metrics (Path): folder `metrics/`.
    scale (str): encoder and corpus of the main experiments, in words.
    RETURNS (Ours): the figures.
    RAISES (ValueError): if a file is damaged.
    """
    scores: dict[Key, dict[str, BySeed]] = {}
    n_test: dict[Key, int | None] = {}
    for prefix, folder in (("", metrics), (f"{ABLATIONS}/", metrics / ABLATIONS)):
        for cell in read_cells(folder):
            key = prefix + cell.experiment, cell.system, cell.dataset, cell.k
            n_test[key] = cell.n_test_sentences
            _add(scores.setdefault(key, {}), cell)
    variants = {}
    for path in sorted((metrics / ABLATIONS).glob(f"*/*/{VARIANT}")):
        variants[path.parents[1].name, path.parent.name] = read_object(path)
    episodes = {
        (path.parents[1].name, path.parent.name): read_object(path)
        | {"f1": _read_episodes(path.parent)}
        for path in sorted((metrics / EPISODES).glob("*/*/summary.json"))
    }
    return Ours(scores, variants, episodes, scale, n_test)


def _add(place: dict[str, BySeed], cell: Cell) -> None:
    narrow = {name + ASKED_ALONE: value for name, value in cell.asked_alone.items()}
    for metric, value in (cell.scores | narrow).items():
        place.setdefault(metric, {})[cell.seed] = 100 * value


def _read_episodes(folder: Path) -> BySeed:
    """RETURNS (BySeed): F1 of each episode, by its number."""
    return {
        int(path.stem.removeprefix("episode")): 100 * float(read_object(path)["f1"])
        for path in folder.glob("episode*.json")
    }
