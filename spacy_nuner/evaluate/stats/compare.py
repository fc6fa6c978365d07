"""Systems side by side: figures with intervals, paired differences, verdicts."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import Errors
from ..cells import k_order
from ..data import load_part, make_gold
from ..metrics import Floats, Ints
from ..predictions import hash_gold
from ..tally import IS_MACRO, Reference, Tally
from .paired import bootstrap_p, holm, judge, sentence_flip_p, sign_flip_p
from .resample import draw_sides, draw_weights, resample_f1
from .runs import Found, find_groups, locate_system, read_group
from .spread import DIGITS, Resampled, average, resample_sets

FORMAT = 1
MEAN = "mean"  # in place of a data set
Pair = tuple[str, str]


class Settings(NamedTuple):
    """How to compare."""

    systems: Sequence[str]  # of the experiment, or folders of systems of others
    n_resamples: int = 2000
    seed: int = 0


class Scored(NamedTuple):
    """One system at one k of one data set, by one metric."""

    seeds: list[int]
    tallies: list[Tally]  # one for each seed
    values: Floats  # (n_sets,)
    resampled: Floats  # (n_sets, n_resamples)

    def pick(self, seeds: Sequence[int]) -> "Scored":
        """RETURNS (Scored): These training sets only."""
        places = [self.seeds.index(seed) for seed in seeds]
        tallies = [self.tallies[i] for i in places]
        return Scored(list(seeds), tallies, self.values[places], self.resampled[places])


def compare_systems(
    experiment: Path, datasets_dir: Path, settings: Settings
) -> dict[str, Any]:
    """Compare every two systems at each k of each data set.

    experiment (Path): Folder of the cells, `metrics/fewshot`. Systems of others, such
        as `metrics/finetune/nuner`, are paired where they learned from the same sets.
    datasets_dir (Path): `corpus/ner`.
    settings (Settings): How to compare; the first system of a pair comes first there.
    RETURNS (dict[str, Any]): "figures", "differences" and "left_out"; see
        docs/evaluation.md.
    RAISES (ValueError): If a system has no cells with predictions, or two systems
        were not trained on the same sets or tested on the same sentences.
    """
    groups, left_out = find_groups(experiment, settings.systems)
    names = [locate_system(experiment, system)[0] for system in settings.systems]
    settings = settings._replace(systems=list(dict.fromkeys(names)))
    figures: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    means: dict[tuple[Any, ...], dict[str, Resampled]] = {}
    for dataset in sorted(groups):
        benches = _Benches(datasets_dir / dataset, settings)
        for k in sorted(groups[dataset], key=k_order):
            found = read_group(groups[dataset][k])
            bench = benches.get(found)
            scored = bench.score(found)
            for metric in IS_MACRO:
                name = f"{settings.seed}/{dataset}/{k}"
                place = {"dataset": dataset, "k": k, "metric": metric}
                for system, found in scored[metric].items():
                    spread = _resample(found, name)
                    figures.append({"system": system, **place, **_row(spread)})
                    means.setdefault((k, metric, system), {})[dataset] = spread
                for pair, row, spread in bench.differ(scored[metric], metric, name):
                    rows.append({**_names(pair), **place, **row})
                    means.setdefault((k, metric, pair), {})[dataset] = spread
    _correct(rows)
    for (k, metric, who), by_dataset in means.items():
        if len(by_dataset) < 2:
            continue
        mean = average(list(by_dataset.values()))
        place = {"dataset": MEAN, "datasets": list(by_dataset)}
        row = {**place, "k": k, "metric": metric, **_row(mean)}
        if isinstance(who, str):
            figures.append({"system": who, **row})
        else:
            p = round(bootstrap_p(mean.both), DIGITS)
            # One figure for all data sets: nothing to correct, and no test of parts
            others = dict.fromkeys(("p_sentences", "p_sets", "p_holm"))
            verdict = {"p": p, **others, "verdict": judge(p)}
            rows.append({**_names(who), **row, **verdict})
    return {
        "format": FORMAT,
        "experiment": experiment.name,
        "systems": list(settings.systems),
        "n_resamples": settings.n_resamples,
        "seed": settings.seed,
        "figures": figures,
        "differences": rows,
        "left_out": left_out,
    }


def _names(pair: Pair) -> dict[str, str]:
    return {"one": pair[0], "other": pair[1]}


def _row(resampled: Resampled) -> dict[str, Any]:
    return resampled.spread().as_dict()


def _resample(scored: Scored, name: str) -> Resampled:
    return resample_sets(scored.values, scored.resampled, name=name)


def _correct(rows: list[dict[str, Any]]) -> None:
    """Correct the tests of one pair, k and metric for the number of data sets."""
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        key = row["one"], row["other"], row["k"], row["metric"]
        families.setdefault(key, []).append(row)
    for family in families.values():
        corrected = holm([row["p"] for row in family])
        for row, p in zip(family, corrected, strict=True):
            row["p_holm"] = round(p, DIGITS)
            row["verdict"] = judge(p)


class _Benches:
    """One data set: its test set, or the parts of it that were tested."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.gold, self.labels = load_part(folder, "test")
        self.benches: dict[str, _Bench] = {}

    def get(self, found: Found) -> "_Bench":
        """RETURNS (_Bench): For the sentences of these predictions."""
        if found.gold_sha256 not in self.benches:
            gold, rows = self.gold, found.sentences
            if rows is not None:
                docs = [gold.docs[i] for i in rows if i < len(gold.docs)]
                gold = make_gold(docs, self.labels, source=str(self.folder))
            if hash_gold(gold, self.labels) != found.gold_sha256:
                problem = f"the test set of '{self.folder}' has changed since"
                path = ", ".join(found.spans)
                raise ValueError(Errors.N516.format(path=path, problem=problem))
            name = f"{self.settings.seed}/{self.folder.name}"
            bench = _Bench(Reference(gold, self.labels), name, self.settings)
            self.benches[found.gold_sha256] = bench
        return self.benches[found.gold_sha256]


class _Bench:
    """Some sentences: their gold and their draws, the same for all systems and k."""

    def __init__(self, reference: Reference, name: str, settings: Settings) -> None:
        self.settings, self.reference = settings, reference
        self.gold: dict[str, Ints] = reference.gold
        size = settings.n_resamples, len(reference.gold["entity_micro_f1"])
        self.weights = draw_weights(f"{name}/sentences", *size)
        self.sides = draw_sides(f"{name}/sides", *size)

    def score(self, found: Found) -> dict[str, dict[str, Scored]]:
        """RETURNS (dict[str, dict[str, Scored]]): By metric and system."""
        scored: dict[str, dict[str, Scored]] = {metric: {} for metric in IS_MACRO}
        spans = found.spans
        for system in self.settings.systems:
            if system not in spans:
                continue
            tallies = [self.reference.tally(rows) for rows in spans[system].values()]
            for metric in IS_MACRO:
                mine = [tally[metric] for tally in tallies]
                values, resampled = resample_f1(self.weights, mine, self.gold[metric])
                scored[metric][system] = Scored(
                    list(spans[system]), mine, values, resampled
                )
        return scored

    def differ(
        self, scored: dict[str, Scored], metric: str, name: str
    ) -> Iterator[tuple[Pair, dict[str, Any], Resampled]]:
        """YIELDS (tuple): Two systems, their row, their resampled difference."""
        for pair in itertools.combinations(scored, 2):
            one, other = (scored[system] for system in pair)
            seeds = [seed for seed in one.seeds if seed in other.seeds]
            if not seeds:
                continue
            one, other = one.pick(seeds), other.pick(seeds)
            values = one.values - other.values
            spread = resample_sets(values, one.resampled - other.resampled, name=name)
            p_sentences = sentence_flip_p(
                one.tallies, other.tallies, self.gold[metric], self.sides
            )
            row = {
                **_row(spread),
                "p": round(bootstrap_p(spread.both), DIGITS),
                "p_sentences": round(p_sentences, DIGITS),
                "p_sets": round(sign_flip_p(values, name=name), DIGITS)
                if len(seeds) > 1
                else None,
            }
            yield pair, row, spread
