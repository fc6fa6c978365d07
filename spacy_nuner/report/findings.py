"""Findings in words, made from the figures: confirmed, contradicted, not shown."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .claims import CLAIMS, MARGIN, Claim, Kind
from .files import read_object
from .intervals import describe
from .names import format_signed
from .ours import ABLATIONS, EPISODES, BySeed, Ours
from .rows import k_order
from .sources import Source

CONFIRMED, CONTRADICTED, NOT_SHOWN = "confirmed", "contradicted", "not shown"
NOT_MEASURED = "not measured"
SENTENCES = "test sentences and training sets"
SETS = "training sets alone"
EPISODES_ALONE = "episodes"
# experiment, one system, other system, data set, k, metric -> value, low, high
Compared = dict[tuple[str, str, str, str, str, str], tuple[float, float, float]]


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
    paths = sorted(metrics.glob("comparisons/*.json"))
    paths += sorted((metrics / ABLATIONS).glob("*/comparison.json"))
    for path in paths:
        content = read_object(path)
        experiment = str(content["experiment"])
        if path.parent.parent.name == ABLATIONS:
            experiment = f"{ABLATIONS}/{path.parent.name}"
        for row in content["differences"]:
            place = row["dataset"], str(row["k"]), row["metric"]
            value, (low, high) = 100 * row["value"], row["both"]
            one, other = row["one"], row["other"]
            interval = value, 100 * low, 100 * high
            turned = -value, -100 * high, -100 * low
            found[(experiment, one, other, *place)] = interval
            found[(experiment, other, one, *place)] = turned
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
    one, other = ours.find(claim.one), ours.find(claim.other)
    differences: list[Difference] = []
    notes = []
    if one and other:
        differences = list(_differ(claim, one, other, ours, compared))
        notes = [f"{s.system}: {s.note}" for s in (one, other) if s.note]
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


def _differ(
    claim: Claim, one: Source, other: Source, ours: Ours, compared: Compared
) -> Iterator[Difference]:
    if one.experiment == EPISODES:
        yield from _differ_in_episodes(one, other, ours)
        return
    shared = set(ours.ks(one)) & set(ours.ks(other))
    pairs = claim.ks or tuple((k, k) for k in sorted(shared, key=k_order))
    for k_one, k_other in pairs:
        names = list(claim.datasets) or [
            name
            for name in ours.list_datasets(one, k_one)
            if name in ours.list_datasets(other, k_other)
        ]
        if k_one == k_other and (
            found := _look_up(compared, one, other, names, k_one, claim.metric, ours)
        ):
            yield found
            continue
        first = ours.by_seed(one, k_one, claim.metric, names)
        second = ours.by_seed(other, k_other, claim.metric, names)
        label = k_one if k_one == k_other else f"{k_one} against {k_other}"
        if first and second:
            yield _subtract(label, first, second, SETS)


def _look_up(
    compared: Compared,
    one: Source,
    other: Source,
    names: Sequence[str],
    k: str,
    metric: str,
    ours: Ours,
) -> Difference | None:
    """Average the compared differences over data sets, which are independent."""
    keys = [
        (one.experiment, one.system, other.system, name, k, metric) for name in names
    ]
    if one.experiment != other.experiment or not keys:
        return None
    rows = [compared[key] for key in keys if key in compared]
    if len(rows) < len(keys):
        return None
    n = len(rows)
    value = sum(row[0] for row in rows) / n
    below = math.sqrt(sum((row[0] - row[1]) ** 2 for row in rows)) / n
    above = math.sqrt(sum((row[2] - row[0]) ** 2 for row in rows)) / n
    n_sets = len(ours.by_seed(one, k, metric, names))
    return Difference(k, value, value - below, value + above, n_sets, SENTENCES)


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
        differences = list(_differ(claim, one, other, ours, compared))
        yield _finding(ablation, text, "greater", differences)
