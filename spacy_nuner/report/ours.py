"""All of our figures, and the scale at which each was made."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .collect import Cell, read_cells
from .files import read_object
from .intervals import describe
from .rows import GROUPS, Row, k_order, stat_dict
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
BySeed = dict[int, float]


class Ours(NamedTuple):
    """Figures in points, by experiment and system."""

    scores: dict[tuple[str, str, str, str], dict[str, BySeed]]  # data set, k -> metric
    variants: dict[tuple[str, str], dict[str, Any]]  # variant.json
    episodes: dict[tuple[str, str], dict[str, Any]]  # system, "5way1shot" -> summary
    scale: str  # of the main encoder

    def find(self, sources: Sequence[Source]) -> Source | None:
        """Find the first of some sources that has cells.

        sources (Sequence[Source]): The best first.
        RETURNS (Source | None): With the system's whole name; None: none has.
        """
        there = sorted({key[:2] for key in self.scores} | set(self._episode_keys()))
        for source in sources:
            for experiment, system in there:
                if experiment == source.experiment and _fits(source.system, system):
                    return source._replace(system=system)
        return None

    def _episode_keys(self) -> Iterable[tuple[str, str]]:
        return ((EPISODES, system) for system, _ in self.episodes)

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

    def ks(self, source: Source) -> list[str]:
        """RETURNS (list[str]): The k of a system, in order."""
        key = source.experiment, source.system
        return sorted({k for e, s, _, k in self.scores if (e, s) == key}, key=k_order)

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
            known = OTHER_MODELS.get(system, self.scale)
            return OTHER_MODELS.get(experiment, known)
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
    scores: dict[tuple[str, str, str, str], dict[str, BySeed]] = {}
    for cell in read_cells(metrics):
        _add(scores, cell.experiment, cell)
    variants = {}
    for cell in read_cells(metrics / ABLATIONS):
        _add(scores, f"{ABLATIONS}/{cell.experiment}", cell)
    for path in sorted((metrics / ABLATIONS).glob(f"*/*/{VARIANT}")):
        variants[path.parents[1].name, path.parent.name] = read_object(path)
    episodes = {
        (path.parents[1].name, path.parent.name): read_object(path)
        | {"f1": _read_episodes(path.parent)}
        for path in sorted((metrics / EPISODES).glob("*/*/summary.json"))
    }
    return Ours(scores, variants, episodes, scale)


def _add(
    scores: dict[tuple[str, str, str, str], dict[str, BySeed]],
    experiment: str,
    cell: Cell,
) -> None:
    place = scores.setdefault((experiment, cell.system, cell.dataset, cell.k), {})
    for metric, value in cell.scores.items():
        place.setdefault(metric, {})[cell.seed] = 100 * value


def _read_episodes(folder: Path) -> BySeed:
    """RETURNS (BySeed): F1 of each episode, by its number."""
    return {
        int(path.stem.removeprefix("episode")): 100 * float(read_object(path)["f1"])
        for path in folder.glob("episode*.json")
    }
