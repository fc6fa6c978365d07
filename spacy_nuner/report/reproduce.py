"""The paper's tables with ours beside: figure, interval, difference, scale."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .names import name_dataset
from .ours import ABLATIONS, Ours
from .paper_tables import MICRO, TABLES, PaperTable, Value
from .rows import Row
from .sources import ABLATIONS as IN_TABLE
from .sources import HOW, LLM, SOURCES, Source

FORMAT = 1
FIELDS = {"token macro F1": "token_macro_f1", MICRO: "entity_micro_f1"}
AVERAGE = "average"
EPISODE_TABLE = "1"
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
            yield _make_row(table, setting, column, value, sources, ours)
        for source in _list_others(table, ours):
            name = _say(source.system)
            yield _make_row(table, setting, name, None, (source,), ours)


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
    sources: Sequence[Source],
    ours: Ours,
) -> Row:
    find = _find_episodes if table.number == EPISODE_TABLE else _find_figure
    found = find(table, setting, sources, ours)
    figure = found.figure if found else {}
    paper, spread = value or (None, None)
    differs = figure and paper is not None
    return {
        "setting": setting,
        "column": column,
        "paper": paper,
        "paper_spread": spread,
        "ours": figure or None,
        "difference": round(figure["mean"] - float(paper or 0), 2) if differs else None,
        "our_scale": ours.say_scale(found.source) if found else None,
        "sets": figure.get("n"),
        "datasets": found.datasets if found else [],
        "note": found.note if found else "",
    }


class _Figure(NamedTuple):
    """One figure of ours for a row of the paper."""

    source: Source
    datasets: list[str]
    figure: Row
    note: str


def _find_figure(
    table: PaperTable, setting: str, sources: Sequence[Source], ours: Ours
) -> _Figure | None:
    k, datasets = setting, []
    if dataset := WORDS_TABLES.get(table.number):
        k, datasets = f"kw{setting}", [dataset]
    elif table.number in DATASET_TABLES:
        k = DATASET_TABLES[table.number]
        datasets = [] if setting == AVERAGE else [setting]
    metric = FIELDS[table.metric]
    place = ours.find(sources, k, metric, datasets)
    if place is None:
        return None
    notes = [place.source.note] if place.source.note else []
    if dataset:
        narrow = ours.narrow(place, metric, ours.count_asked(LLM, dataset))
        notes += [narrow.removeprefix(metric).strip()] if narrow != metric else []
        metric = narrow
    figure = ours.describe(place.source, place.k, metric, place.datasets)
    return _Figure(place.source, place.datasets, figure, "; ".join(notes))


def _find_episodes(
    table: PaperTable, setting: str, sources: Sequence[Source], ours: Ours
) -> _Figure | None:
    kind, way, shots = setting.split()
    place = f"{way.removesuffix('-way')}way{shots.partition('~')[0]}shot"
    there = [s for s in sources if (s.system, place) in ours.episodes]
    if kind != "INTER" or not there:
        return None
    summary = ours.episodes[there[0].system, place]
    low, high = summary["interval"] or (None, None)
    figure = {
        "mean": round(100 * summary["episode_mean_f1"], 2),
        "sd": None,
        "n": summary.get("n_episodes"),
        "low": None if low is None else round(100 * low, 2),
        "high": None if high is None else round(100 * high, 2),
    }
    notes = [there[0].note, _say_source_training(summary)]
    return _Figure(there[0], [], figure, "; ".join(note for note in notes if note))


def _say_source_training(summary: Mapping[str, Any]) -> str:
    """RETURNS (str): How the networks were trained on source types, if cut short."""
    source = summary.get("settings", {}).get("source", {})
    if not source.get("max_steps"):
        return ""
    return (
        f"trained on source types for {source['max_steps']} steps of "
        f"{source['batch_size']} sentences in place of an epoch"
    )


def _make_open_tables(ours: Ours) -> Iterator[dict[str, Any]]:
    """YIELDS (dict[str, Any]): What the paper left open, a table for each ablation."""
    known = set(IN_TABLE.values())
    names = dict.fromkeys(name for name, _ in ours.variants if name not in known)
    for name in names:
        variants = [v for ablation, v in ours.variants if ablation == name]
        rows = []
        first = ours.variants[name, variants[0]]
        sources = [Source(f"{ABLATIONS}/{name}", variant) for variant in variants]
        for k in ours.ks(sources):
            rows += [_make_open_row(k, source, ours) for source in sources]
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
