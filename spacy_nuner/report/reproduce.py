"""The paper's tables with ours beside: figure, interval, difference, scale."""

from collections.abc import Iterator, Sequence
from typing import Any

from .names import name_dataset
from .ours import ABLATIONS, EPISODES, Ours
from .paper_tables import MICRO, TABLES, PaperTable, Value
from .rows import Row
from .sources import ABLATIONS as IN_TABLE
from .sources import HOW, SOURCES, Source

FORMAT = 1
FIELDS = {"token macro F1": "token_macro_f1", MICRO: "entity_micro_f1"}
AVERAGE = "average"
WORDS_TABLES = {"10": "mit_restaurant", "11": "bionlp2004"}
DATASET_TABLES = {"8": "8", "9": "64"}  # k


def make_tables(ours: Ours, numbers: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Make the tables.

    ours (Ours): our figures.
    numbers (Sequence[str]): which of the paper's tables; all, and the ablations that
        the paper lacks, if empty.
    RETURNS (list[dict[str, Any]]): "number", "title", "metric", "rows_are", the paper's
        "data" and "scale", "rows", "is_filled", "how" (to make ours).
    """
    tables = [_make_table(TABLES[n], ours) for n in numbers or TABLES]
    return tables if numbers else [*tables, *_make_open_tables(ours)]


def _make_table(table: PaperTable, ours: Ours) -> dict[str, Any]:
    rows = [row for row in _list_rows(table, ours) if row["paper"] or row["ours"]]
    return {
        "number": table.number,
        "title": table.title,
        "metric": table.metric,
        "rows_are": table.rows_are,
        "data": table.data,
        "scale": table.scale,
        "rows": rows,
        "is_filled": any(row["ours"] for row in rows),
        "how": HOW[table.number],
    }


def _list_rows(table: PaperTable, ours: Ours) -> Iterator[Row]:
    for setting, values in table.rows.items():
        for column, value in zip(table.columns, values, strict=True):
            sources = SOURCES[table.number].get(column, ())
            source = ours.find(sources)
            yield _make_row(table, setting, column, value, source, ours)
        for source in _list_others(table, ours):
            yield _make_row(table, setting, _say(source.system), None, source, ours)


def _list_others(table: PaperTable, ours: Ours) -> list[Source]:
    """RETURNS (list[Source]): Variants of ours that the paper has no column for."""
    ablation = IN_TABLE.get(table.number)
    known = [s for sources in SOURCES[table.number].values() for s in sources]
    names = {s.system for s in known if s.experiment == f"{ABLATIONS}/{ablation}"}
    found = [name for a, name in ours.variants if a == ablation and name not in names]
    found.sort(key=lambda name: ours.variants[str(ablation), name]["corpus"]["n_train"])
    return [Source(f"{ABLATIONS}/{ablation}", name) for name in found]


def _make_row(
    table: PaperTable,
    setting: str,
    column: str,
    value: Value,
    source: Source | None,
    ours: Ours,
) -> Row:
    figure: Row = {}
    datasets: list[str] = []
    if source is not None and source.experiment == EPISODES:
        figure = _find_episodes(setting, source, ours)
    elif source is not None:
        k, datasets = _find_place(table, setting, source, ours)
        metric = FIELDS[table.metric]
        figure = ours.describe(source, k, metric, datasets) if datasets else {}
    paper, spread = value or (None, None)
    differs = figure and paper is not None
    return {
        "setting": setting,
        "column": column,
        "paper": paper,
        "paper_spread": spread,
        "ours": figure or None,
        "difference": round(figure["mean"] - float(paper or 0), 2) if differs else None,
        "our_scale": ours.say_scale(source) if figure and source else None,
        "sets": figure.get("n"),
        "datasets": datasets if figure else [],
        "note": source.note if figure and source else "",
    }


def _find_place(
    table: PaperTable, setting: str, source: Source, ours: Ours
) -> tuple[str, list[str]]:
    """RETURNS (tuple[str, list[str]]): Our k and data sets for a row of the paper."""
    if dataset := WORDS_TABLES.get(table.number):
        # Sets of k~2k mentions stand in where there are none of k_w words
        keys = source.experiment, source.system, dataset
        for k in (f"kw{setting}", setting):
            if (*keys, k) in ours.scores:
                return k, [dataset]
        return setting, []
    k = DATASET_TABLES.get(table.number, setting)
    if table.number in DATASET_TABLES and setting != AVERAGE:
        there = (source.experiment, source.system, setting, k) in ours.scores
        return k, [setting] if there else []
    return k, ours.list_datasets(source, k)


def _find_episodes(setting: str, source: Source, ours: Ours) -> Row:
    kind, way, shots = setting.split()
    if kind != "INTER":
        return {}
    place = f"{way.removesuffix('-way')}way{shots.partition('~')[0]}shot"
    summary = ours.episodes.get((source.system, place))
    if summary is None:
        return {}
    low, high = summary["interval"] or (None, None)
    return {
        "mean": round(100 * summary["episode_mean_f1"], 2),
        "sd": None,
        "n": summary.get("n_episodes"),
        "low": None if low is None else round(100 * low, 2),
        "high": None if high is None else round(100 * high, 2),
    }


def _make_open_tables(ours: Ours) -> Iterator[dict[str, Any]]:
    """YIELDS (dict[str, Any]): What the paper left open, a table for each ablation."""
    known = set(IN_TABLE.values())
    names = dict.fromkeys(name for name, _ in ours.variants if name not in known)
    for name in names:
        variants = [v for ablation, v in ours.variants if ablation == name]
        rows = []
        first = ours.variants[name, variants[0]]
        for k in ours.ks(Source(f"{ABLATIONS}/{name}", variants[0])):
            for variant in variants:
                source = Source(f"{ABLATIONS}/{name}", variant)
                rows.append(_make_open_row(k, source, ours))
        yield {
            "number": name,
            "title": first["title"],
            "metric": "token macro F1",
            "rows_are": "k",
            "data": "",
            "scale": "",
            "rows": rows,
            "is_filled": True,
            "how": "",
        }


def _make_open_row(k: str, source: Source, ours: Ours) -> Row:
    datasets = ours.list_datasets(source, k)
    figure = ours.describe(source, k, "token_macro_f1", datasets)
    return {
        "setting": k,
        "column": _say(source.system),
        "paper": None,
        "paper_spread": None,
        "ours": figure or None,
        "difference": None,
        "our_scale": ours.say_scale(source),
        "sets": figure.get("n"),
        "datasets": datasets,
        "note": "",
    }


def _say(variant: str) -> str:
    return f"ours: {variant.replace('_', ' ')}"


def say_setting(table: dict[str, Any], setting: str) -> str:
    """RETURNS (str): The setting of a row, for people."""
    return name_dataset(setting) if table["rows_are"] == "data set" else setting
