"""`summary.json`: everything that the page, the tables and the README are made of."""

import json
import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from .collect import Cell, Inputs
from .concept_map import list_coverage
from .paper import FIGURE_4, TABLE_3, TABLES_10_11
from .rows import (
    FEWSHOT_EXPERIMENT,
    compare_with_llm,
    compare_with_paper,
    index_scores,
    k_order,
    make_gains,
    make_means,
    make_results,
)
from .zero_shot import make_zero_shot, split_cells

FORMAT: Final = 1
PACKAGES: Final = (
    "spacy-nuner",
    "spacy",
    "spacy-transformers",
    "spacy-llm",
    "thinc",
    "torch",
    "transformers",
    "numpy",
)
N_TOP_CONCEPTS: Final = 30


def make_summary(inputs: Inputs) -> dict[str, Any]:
    """Turn what the stages wrote into the rows of the report.

    inputs (Inputs): as `read_inputs` gives them.
    RETURNS (dict[str, Any]): plain JSON; all scores in points (0 to 100).
    """
    scale = make_scale(inputs)
    cells, zero_shot = split_cells(inputs.cells)
    results = make_results(cells)
    scores = index_scores(cells)
    means = make_means(scores)
    shown = _few_ks({k for _, _, k in scores})
    return {
        "format": FORMAT,
        "scale": scale,
        "missing": inputs.missing,
        "versus_paper": compare_with_paper(means, scale=scale["text"]),
        "means": means,
        "results": results,
        "gains": make_gains(scores),
        "llm": compare_with_llm(results, fewshot_ks=lambda k: k in shown),
        "zero_shot": make_zero_shot(zero_shot),
        "calibration": inputs.calibration,
        "unreachable": inputs.unreachable,
        "uneven": find_uneven(cells),
        "corpus": _summarize_corpus(inputs.corpus),
        "coverage": list_coverage(inputs.concept_map) if inputs.concept_map else [],
        "pretraining": _summarize_log(inputs.log),
        "encoder": inputs.encoder,
        "settings": _collect_settings(inputs.cells),
        "seconds": _sum_seconds(inputs.cells),
        "sources": {
            "few-shot": TABLE_3,
            "LLM": TABLES_10_11,
            "concepts": FIGURE_4,
        },
        "versions": _list_versions(),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
    }


def write_summary(summary: dict[str, Any], path: Path) -> None:
    """Write `summary.json`, all or nothing.

    summary (dict[str, Any]): as `make_summary` gives it.
    path (Path): the file.
    """
    write_text(path, json.dumps(summary, ensure_ascii=False, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place and rename it.

    path (Path): the file.
    text (str): its content.
    """
    beside = path.with_name(path.name + ".tmp")
    # concepts are an LLM's words: half a surrogate pair must not end the report
    beside.write_bytes(text.encode("utf8", errors="replace"))
    os.replace(beside, path)


def make_scale(inputs: Inputs) -> dict[str, Any]:
    """Say in words at what scale the figures were made.

    inputs (Inputs): as `read_inputs` gives them.
    RETURNS (dict[str, Any]): "text", "encoder", "n_parameters", "n_sentences"; None
        for what is not known.
    """
    encoder, corpus = inputs.encoder or {}, inputs.corpus or {}
    base = Path(str(encoder["base"])).name if encoder.get("base") else None
    n_parameters = encoder.get("n_parameters")
    n_sentences = corpus.get("n_train")
    name = base or "unknown encoder"
    if n_parameters:
        millions = n_parameters / 1e6
        name += f" ({millions:.{0 if millions >= 10 else 1}f} M)"
    size = f"{n_sentences:,} sentences" if n_sentences else "unknown corpus"
    return {
        "text": f"{name}, {size}",
        "encoder": base,
        "n_parameters": n_parameters,
        "n_sentences": n_sentences,
    }


def find_uneven(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """Find the few-shot rows that rest on fewer training sets than others.

    cells (Iterable[Cell]): finished cells.
    RETURNS (list[dict[str, Any]]): "system", "dataset", "k", "n_sets", "expected": a
        stopped run, or training sets that could not be drawn.
    """
    seeds: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for cell in cells:
        if cell.experiment == FEWSHOT_EXPERIMENT:
            seeds[cell.system, cell.dataset, cell.k].add(cell.seed)
    expected = max((len(found) for found in seeds.values()), default=0)
    return [
        {
            "system": system,
            "dataset": dataset,
            "k": k,
            "n_sets": len(seeds[system, dataset, k]),
            "expected": expected,
        }
        for system, dataset, k in sorted(seeds, key=lambda s: (*s[:2], k_order(s[2])))
        if len(seeds[system, dataset, k]) < expected
    ]


def _few_ks(ks: Iterable[str]) -> set[str]:
    """First, middle and last k: enough beside the LLM."""
    ordered = sorted(ks, key=k_order)
    if not ordered:
        return set()
    return {ordered[0], ordered[len(ordered) // 2], ordered[-1]}


def _summarize_corpus(corpus: dict[str, Any] | None) -> dict[str, Any] | None:
    """The statistics without the tail of the concepts."""
    if corpus is None:
        return None
    short = {name: value for name, value in corpus.items() if name != "concepts"}
    return {**short, "top_concepts": corpus.get("concepts", [])[:N_TOP_CONCEPTS]}


def _summarize_log(log: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    if not log:
        return None
    steps = [record for record in log if "loss" in record]
    epochs = [record for record in log if "dev_loss" in record]
    speeds = [r["sentences_per_second"] for r in steps if r.get("sentences_per_second")]
    return {
        "n_steps": max((int(record.get("step", 0)) for record in log), default=0),
        "last": steps[-1] if steps else None,
        "epochs": epochs,
        "sentences_per_second": round(sum(speeds) / len(speeds), 1) if speeds else None,
    }


def _collect_settings(cells: Iterable[Cell]) -> dict[str, list[dict[str, Any]]]:
    """The different settings of each experiment and system."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for cell in cells:
        text = json.dumps(cell.settings, sort_keys=True, default=str)
        found[f"{cell.experiment} / {cell.system}"][text] = cell.settings
    return {name: list(settings.values()) for name, settings in sorted(found.items())}


def _sum_seconds(cells: Iterable[Cell]) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    for cell in cells:
        seconds[cell.experiment] += cell.seconds
    return {name: round(value, 1) for name, value in sorted(seconds.items())}


def _list_versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
