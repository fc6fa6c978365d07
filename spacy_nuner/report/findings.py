"""Findings in words, made from the figures: confirmed, contradicted, not shown."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from .claims import CLAIMS, MARGIN, Claim, Kind
from .files import read_object
from .intervals import describe
from .names import format_signed
from .ours import ABLATIONS, ASKED_ALONE, EPISODES, BySeed, Ours, Place
from .rows import k_order
from .sources import Source

CONFIRMED, CONTRADICTED, NOT_SHOWN = "confirmed", "contradicted", "not shown"
NOT_MEASURED = "not measured"
SENTENCES = "test sentences and training sets"
SETS = "training sets alone"
EPISODES_ALONE = "episodes"
System = tuple[str, str]  # experiment, system
# one, other, data set, k, metric -> value, low, high
Compared = dict[tuple[System, System, str, str, str], tuple[float, float, float]]


class Difference(NamedTuple):
    """One system minus another at one k, in points."""

    k: str
    value: float
    low: float | None
    high: float | None
    n: int
    basis: str  # what the interval is over


def read_comparisons(metrics: Path) -> Compared:
    """Read what `spacy-nuner compare` wrote.

    metrics (Path): folder `metrics/`.
    RETURNS (Compared): differences in points with their 95 % interval.
    """
    found: Compared = {}
    paths = list(metrics.glob("comparisons/*.json"))
    # The same systems may have been compared twice: the newest is read last
    paths.sort(key=lambda path: (path.stat().st_mtime, path.name))
    paths += sorted((metrics / ABLATIONS).glob("*/comparison.json"))
    for path in paths:
        content = read_object(path)
        experiment = str(content["experiment"])
        if path.parent.parent.name == ABLATIONS:
            experiment = f"{ABLATIONS}/{path.parent.name}"
        for row in content["differences"]:
            place = row["dataset"], str(row["k"]), row["metric"]
            value, (low, high) = 100 * row["value"], row["both"]
            # A system of another experiment has its name before it
            one, other = (
                (elsewhere or experiment, name)
                for elsewhere, _, name in (
                    str(row[side]).rpartition("/") for side in ("one", "other")
                )
            )
            found[(one, other, *place)] = value, 100 * low, 100 * high
            found[(other, one, *place)] = -value, -100 * high, -100 * low
    return found


def make_findings(ours: Ours, compared: Compared) -> list[dict[str, Any]]:
    """Hold each claim of the paper, and each open question, against our figures.

    ours (Ours): our figures.
    compared (Compared): from `read_comparisons`; intervals over training sets alone
        stand in where it lacks a pair.
    RETURNS (list[dict[str, Any]]): "table", "claim", "verdict", "words", "differences".
    """
    findings = [_judge_claim(claim, ours, compared) for claim in CLAIMS]
    return [*findings, *_answer_open(ours, compared)]


def _judge_claim(claim: Claim, ours: Ours, compared: Compared) -> dict[str, Any]:
    if claim.one[0].experiment == EPISODES:
        differences = list(_differ_in_episodes(claim.one[0], claim.other[0], ours))
        return _finding(claim.table, claim.text, claim.kind, differences)
    pairs = list(_pair(claim, ours))
    differences = [_differ(pair, ours, compared) for pair in pairs]
    notes = _list_notes(pairs)
    return _finding(claim.table, claim.text, claim.kind, differences, notes)


def _finding(
    table: str,
    text: str,
    kind: Kind,
    differences: list[Difference],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    verdicts = {d.k: judge(d, kind) for d in differences}
    return {
        "table": table,
        "claim": text,
        "verdict": sum_up(list(verdicts.values())),
        "words": say(differences, verdicts, kind),
        "notes": list(notes),
        "differences": [{**d._asdict(), "verdict": verdicts[d.k]} for d in differences],
    }


def judge(difference: Difference, kind: Kind) -> str:
    """Judge one difference by its interval.

    difference (Difference): one minus other.
    kind (Kind): what was claimed. "alike" is confirmed if the interval lies within
        `MARGIN` points, contradicted if it lies outside.
    RETURNS (str): the verdict.
    """
    low, high = difference.low, difference.high
    if low is None or high is None:
        return NOT_SHOWN
    if kind == "greater":
        return CONFIRMED if low > 0 else CONTRADICTED if high < 0 else NOT_SHOWN
    if low >= -MARGIN and high <= MARGIN:
        return CONFIRMED
    return CONTRADICTED if low > MARGIN or high < -MARGIN else NOT_SHOWN


def sum_up(verdicts: Sequence[str]) -> str:
    """Sum up the verdicts at several k.

    verdicts (Sequence[str]): of each k.
    RETURNS (str): the one they share, or "confirmed in part" and the like.
    """
    kinds = set(verdicts)
    if not kinds:
        return NOT_MEASURED
    if len(kinds) == 1:
        return verdicts[0]
    if {CONFIRMED, CONTRADICTED} <= kinds:
        return "confirmed and contradicted, by k"
    return f"{CONFIRMED if CONFIRMED in kinds else CONTRADICTED} in part"


def say(differences: Sequence[Difference], verdicts: dict[str, str], kind: Kind) -> str:
    """RETURNS (str): Differences and verdicts in words, from the figures."""
    if not differences:
        return "no cells of both systems"
    parts = []
    for d in differences:
        between = ""
        if d.low is not None and d.high is not None:
            between = f" ({format_signed(d.low)} to {format_signed(d.high)})"
        parts.append(f"k = {d.k}: {format_signed(d.value)}{between}, {verdicts[d.k]}")
    bases = sorted({d.basis for d in differences})
    margin = f"; alike means within {MARGIN:g} points" if kind == "alike" else ""
    return f"{'; '.join(parts)} [95 % over {', '.join(bases)}{margin}]"


class _Pair(NamedTuple):
    """The cells of both systems at one k, and the metric of each."""

    one: Place
    other: Place
    metrics: tuple[str, str]

    @property
    def label(self) -> str:
        ks = dict.fromkeys((self.one.k, self.other.k))
        return " against ".join(ks)


def _pair(claim: Claim, ours: Ours) -> Iterator[_Pair]:
    """YIELDS (_Pair): For each k the best sources that have the same data sets."""
    shared = set(ours.ks(claim.one)) & set(ours.ks(claim.other))
    ks = claim.ks or tuple((k, k) for k in sorted(shared, key=k_order))
    metric = claim.metric
    for k_one, k_other in ks:
        ones, others = (
            ours.list_places(sources, k, metric, claim.datasets)
            for sources, k in ((claim.one, k_one), (claim.other, k_other))
        )
        pairs = [
            (one._replace(datasets=common), other._replace(datasets=common))
            for one, other in product(ones, others)
            if (common := [name for name in one.datasets if name in other.datasets])
            and all(ours.by_seed(p.source, p.k, metric, common) for p in (one, other))
        ]
        if not pairs:
            continue
        one, other = max(pairs, key=lambda pair: pair[0].rank)
        n_one, n_other = (
            ours.n_test[(*place.source[:2], place.datasets[0], place.k)]
            for place in (one, other)
        )
        metrics = ours.narrow(one, metric, n_other), ours.narrow(other, metric, n_one)
        yield _Pair(one, other, metrics)


def _list_notes(pairs: Sequence[_Pair]) -> list[str]:
    """RETURNS (list[str]): How systems differ from the paper's, and at which k."""
    labels: dict[str, list[str]] = {}
    for pair in pairs:
        for place, metric in zip(pair[:2], pair.metrics, strict=True):
            notes = [place.source.note] if place.source.note else []
            notes += [ASKED_ALONE.strip()] if metric.endswith(ASKED_ALONE) else []
            for note in notes:
                text = f"{place.source.system}: {note}"
                labels.setdefault(text, []).append(pair.label)
    return [
        text if len(ks) == len(pairs) else f"{text} (k = {', '.join(ks)})"
        for text, ks in labels.items()
    ]


def _differ(pair: _Pair, ours: Ours, compared: Compared) -> Difference:
    if found := _look_up(pair, ours, compared):
        return found
    first, second = (
        ours.by_seed(place.source, place.k, metric, place.datasets)
        for place, metric in zip(pair[:2], pair.metrics, strict=True)
    )
    return _subtract(pair.label, first, second, SETS)


def _look_up(pair: _Pair, ours: Ours, compared: Compared) -> Difference | None:
    """Average the compared differences over data sets, which are independent."""
    one, other = pair.one, pair.other
    (metric, also), names = pair.metrics, one.datasets
    if one.k != other.k or metric != also:
        return None
    systems = one.source[:2], other.source[:2]
    keys = [(*systems, name, one.k, metric) for name in names]
    rows = [compared[key] for key in keys if key in compared]
    if len(rows) < len(keys):
        return None
    n = len(rows)
    value = sum(row[0] for row in rows) / n
    below = math.sqrt(sum((row[0] - row[1]) ** 2 for row in rows)) / n
    above = math.sqrt(sum((row[2] - row[0]) ** 2 for row in rows)) / n
    n_sets = len(ours.by_seed(one.source, one.k, metric, names))
    return Difference(one.k, value, value - below, value + above, n_sets, SENTENCES)


def _subtract(k: str, one: BySeed, other: BySeed, basis: str) -> Difference:
    """Paired where both have several training sets of the same numbers."""
    seeds = sorted(one.keys() & other.keys())
    paired = len(one) > 1 and len(other) > 1 and seeds
    if paired:
        stat = describe([one[seed] - other[seed] for seed in seeds])
    else:
        # An LLM's one recording: its own spread is not known
        level = sum(other.values()) / len(other)
        many, sign = one, 1
        if len(other) > len(one):
            level, many, sign = sum(one.values()) / len(one), other, -1
        stat = describe([sign * (value - level) for value in many.values()])
    return Difference(k, stat.mean, stat.low, stat.high, stat.n, basis)


def _differ_in_episodes(one: Source, other: Source, ours: Ours) -> Iterator[Difference]:
    for system, place in sorted(ours.episodes):
        if system != one.system or (other.system, place) not in ours.episodes:
            continue
        first = ours.episodes[one.system, place]["f1"]
        second = ours.episodes[other.system, place]["f1"]
        if len(first.keys() & second.keys()) > 1:
            yield _subtract(place, first, second, EPISODES_ALONE)


def _answer_open(ours: Ours, compared: Compared) -> Iterator[dict[str, Any]]:
    """YIELDS (dict[str, Any]): For ablations that the paper lacks, who is better."""
    asked = {s.experiment for c in CLAIMS for s in (*c.one, *c.other)}
    for (ablation, name), variant in sorted(ours.variants.items()):
        experiment = f"{ABLATIONS}/{ablation}"
        reference = variant["reference"]
        if experiment in asked or name == reference:
            continue
        if (ablation, reference) not in ours.variants:
            continue
        one, other = Source(experiment, name), Source(experiment, reference)
        names = [source.system.replace("_", " ") for source in (one, other)]
        text = f"{variant['title']}: {names[0]} is better than {names[1]}"
        claim = Claim("", text, "greater", (one,), (other,))
        differences = [_differ(pair, ours, compared) for pair in _pair(claim, ours)]
        yield _finding(ablation, text, "greater", differences)
