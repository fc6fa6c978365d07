"""Cells -> rows of the report's tables, in points (0 to 100), two decimals."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from .collect import SCORES, Cell
from .intervals import Stat, describe
from .names import dataset_order, system_order
from .paper import COUNTERPARTS, FEWSHOT, LLM, TABLE_3_SCALE, TABLE_3_SYSTEMS

Row = dict[str, Any]
Scores = dict[tuple[str, str, str], dict[int, float]]  # system, dataset, k -> seed

FEWSHOT_EXPERIMENT: Final = "fewshot"
LLM_EXPERIMENT: Final = "ner_v3"
BASE: Final = "base"
# They saw no corpus of ours
BASE_SYSTEMS: Final = ("base", "base_best_layer", "tadner_base")
BASE_SCALE: Final = "the base encoder, not pre-trained"
METRIC: Final = "token_macro_f1"
SHOWN_METRICS: Final = (METRIC, "entity_micro_f1")
BESIDE_LLM: Final = ("base", "nuner", "nuner_concept_start")
# the paper's data sets that can be had freely; the two that the project ships
GROUPS: Final = {
    "public": ("mit_restaurant", "mit_movie", "bionlp2004"),
    "shipped": ("gallery", "workshop"),
}


def k_order(k: str) -> tuple[str, int]:
    """Sort key: "1", "2", "16", then "kw0", "kw8"."""
    digits = "".join(character for character in k if character.isdigit())
    return k.rstrip("0123456789"), int(digits or 0)


def stat_dict(stat: Stat) -> Row:
    """A Stat in points, for JSON: mean, sd, n, low, high."""
    return {
        name: round(value, 2) if isinstance(value, float) else value
        for name, value in stat._asdict().items()
    }


def make_results(cells: Iterable[Cell]) -> list[Row]:
    """One row per experiment, system, data set and k: all metrics over the sets.

    cells (Iterable[Cell]): finished cells.
    RETURNS (list[Row]): mean, standard deviation, n and 95 % interval of each metric;
        in "asked_alone" of those that all cells have over the LLM's sentences.
    """
    groups: dict[tuple[str, str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.experiment, cell.system, cell.dataset, cell.k].append(cell)
    rows = []
    for key in sorted(groups, key=lambda key: (*key[:3], k_order(key[3]))):
        group = groups[key]
        row: Row = dict(zip(("experiment", "system", "dataset", "k"), key, strict=True))
        for name in SCORES:
            values = [100 * cell.scores[name] for cell in group]
            row[name] = stat_dict(describe(values))
        row["n_test_sentences"] = group[0].n_test_sentences
        row["asked_alone"] = {
            name: stat_dict(describe([100 * cell.asked_alone[name] for cell in group]))
            for name in SCORES
            if all(name in cell.asked_alone for cell in group)
        }
        entities = [c.n_train_entities for c in group if c.n_train_entities is not None]
        row["n_train_entities"] = (
            round(describe(entities).mean, 1) if entities else None
        )
        row["samplers"] = sorted({cell.sampler for cell in group} - {""})
        rows.append(row)
    return rows


def index_scores(cells: Iterable[Cell], metric: str = METRIC) -> Scores:
    """The few-shot scores in points by system, data set, k, and then by seed.

    cells (Iterable[Cell]): finished cells.
    metric (str): one of `SCORES`.
    RETURNS (Scores): the index.
    """
    scores: Scores = defaultdict(dict)
    for cell in cells:
        if cell.experiment == FEWSHOT_EXPERIMENT:
            key = cell.system, cell.dataset, cell.k
            scores[key][cell.seed] = 100 * cell.scores[metric]
    return dict(scores)


def _pair(
    one: Mapping[int, float], other: Mapping[int, float]
) -> list[tuple[float, float]]:
    """The values of two systems on the same training sets."""
    return [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]


def make_gains(scores: Scores) -> list[Row]:
    """The gain of each system over the base encoder, per data set and k.

    Both systems see the same training sets, so the interval is that of the paired
    differences: much narrower than the spread of either.

    scores (Scores): as `index_scores` gives them.
    RETURNS (list[Row]): rows with "gain".
    """
    rows = []
    for system, dataset, k in sorted(scores, key=lambda s: (*s[:2], k_order(s[2]))):
        base = scores.get((BASE, dataset, k))
        if system == BASE or not base:
            continue
        pairs = _pair(scores[system, dataset, k], base)
        if pairs:
            gain = stat_dict(describe([a - b for a, b in pairs]))
            rows.append({"system": system, "dataset": dataset, "k": k, "gain": gain})
    return rows


def make_means(scores: Scores) -> list[Row]:
    """The mean over a group of data sets, and the gain over the base encoder in it.

    The sets are averaged seed by seed, so that the interval is that of the mean. A k
    that not all sets of the group reach is averaged over those that do, and says so.

    scores (Scores): as `index_scores` gives them.
    RETURNS (list[Row]): rows with "group", "datasets", "left_out", "score", "gain".
    """
    rows = []
    systems = sorted({system for system, _, _ in scores}, key=system_order)
    ks = sorted({k for _, _, k in scores}, key=k_order)
    for group, names in GROUPS.items():
        known = [name for name in names if any(d == name for _, d, _ in scores)]
        for system in systems:
            for k in ks:
                there = [d for d in known if scores.get((system, d, k))]
                values = _mean_by_seed([scores[system, d, k] for d in there])
                if not values:
                    continue
                base = _mean_by_seed([scores.get((BASE, d, k), {}) for d in there])
                gains = [a - b for a, b in _pair(values, base)]
                rows.append(
                    {
                        "group": group,
                        "datasets": there,
                        "left_out": [d for d in known if d not in there],
                        "system": system,
                        "k": k,
                        "score": stat_dict(describe(list(values.values()))),
                        "gain": stat_dict(describe(gains))
                        if gains and system != BASE
                        else None,
                    }
                )
    return rows


def _mean_by_seed(scores: list[dict[int, float]]) -> dict[int, float]:
    """Average data sets training set by training set."""
    if not scores:
        return {}
    seeds = set.intersection(*(set(by_seed) for by_seed in scores))
    return {
        seed: sum(by_seed[seed] for by_seed in scores) / len(scores)
        for seed in sorted(seeds)
    }


def compare_with_paper(means: Iterable[Row], *, scale: str) -> list[Row]:
    """Put the paper's Table 3 beside our means, one figure per row.

    The public sets are taken where they are there, since three of the paper's four
    are among them; else the shipped ones.

    means (Iterable[Row]): as `make_means` gives them.
    scale (str): our encoder and corpus in words.
    RETURNS (list[Row]): the paper's figure, ours with its interval, the difference,
        both scales, both gains over the base encoder.
    """
    means = list(means)
    present = {row["group"] for row in means}
    group = next((name for name in GROUPS if name in present), None)
    rows = []
    for row in means:
        counterpart = COUNTERPARTS.get(row["system"])
        if row["group"] != group or counterpart is None or not row["k"].isdigit():
            continue
        k = int(row["k"])
        paper = FEWSHOT[counterpart].get(k)
        if paper is None:
            continue
        has_gain = counterpart != "roberta"
        rows.append(
            {
                "system": row["system"],
                "k": row["k"],
                "ours": row["score"],
                "paper": paper,
                "difference": round(row["score"]["mean"] - paper, 2),
                "paper_system": TABLE_3_SYSTEMS[counterpart],
                "our_gain": row["gain"],
                "paper_gain": round(paper - FEWSHOT["roberta"][k], 2)
                if has_gain
                else None,
                "our_scale": BASE_SCALE if row["system"] in BASE_SYSTEMS else scale,
                "paper_scale": TABLE_3_SCALE,
                "datasets": row["datasets"],
            }
        )
    return sorted(
        rows, key=lambda row: (k_order(row["k"]), system_order(row["system"]))
    )


def compare_with_llm(
    results: Iterable[Row], *, fewshot_ks: Callable[[str], bool] | None = None
) -> list[Row]:
    """Put the LLM with the NER v3 prompt beside few-shot systems on the same data.

    results (Iterable[Row]): as `make_results` gives them.
    fewshot_ks (Callable[[str], bool] | None): which k of the few-shot systems to show;
        all by default.
    RETURNS (list[Row]): LLM rows with the paper's figures at the same k_w, then the
        few-shot rows of `BESIDE_LLM`, over the LLM's sentences where their cells have
        such figures ("is_part"); "same_sentences" says whether both are over the same
        test sentences.
    """
    results = list(results)
    llm = [row for row in results if row["experiment"] == LLM_EXPERIMENT]
    sizes: dict[str, set[int]] = defaultdict(set)
    for row in llm:
        sizes[row["dataset"]].add(row["n_test_sentences"])
    shown = fewshot_ks or (lambda k: True)
    rows = []
    for row in results:
        is_llm = row["experiment"] == LLM_EXPERIMENT
        is_fewshot = row["experiment"] == FEWSHOT_EXPERIMENT and (
            row["system"] in BESIDE_LLM and shown(row["k"])
        )
        if row["dataset"] not in sizes or not (is_llm or is_fewshot):
            continue
        kw = k_order(row["k"])[1] if is_llm else None
        paper = LLM.get(row["dataset"], {}).get(kw) if kw is not None else None
        asked = sizes[row["dataset"]]
        figures, n_test = row, row["n_test_sentences"]
        is_part = not is_llm and len(asked) == 1 and n_test not in asked
        is_part = is_part and row["asked_alone"].keys() >= {*SHOWN_METRICS}
        if is_part:
            figures, (n_test,) = row["asked_alone"], asked
        rows.append(
            {
                "dataset": row["dataset"],
                "system": row["system"],
                "k": row["k"],
                "is_llm": is_llm,
                **{name: figures[name] for name in SHOWN_METRICS},
                "n_test_sentences": n_test,
                "same_sentences": asked == {n_test},
                "is_part": is_part,
                "paper": {"GPT-3.5": paper[0], "GPT-4": paper[1]} if paper else None,
            }
        )
    return sorted(
        rows,
        key=lambda row: (
            dataset_order(row["dataset"]),
            not row["is_llm"],
            system_order(row["system"]),
            k_order(row["k"]),
        ),
    )
