"""The summary's rows laid out as the tables and figures of the page."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .names import (
    GROUP_NAMES,
    dataset_order,
    format_signed,
    name_dataset,
    name_system,
    system_order,
)
from .rows import FEWSHOT_EXPERIMENT, Row, k_order

METRICS: Final = {
    "token_macro_f1": "Token macro F1",
    "entity_micro_f1": "Entity micro F1",
}


def make_dataset_tables(results: Iterable[Row]) -> list[dict[str, Any]]:
    """Lay out the few-shot results: a table per data set and metric, k as columns.

    results (Iterable[Row]): the summary's "results".
    RETURNS (list[dict[str, Any]]): "name", "note" and "tables" of each data set.
    """
    fewshot = [row for row in results if row["experiment"] == FEWSHOT_EXPERIMENT]
    tables = []
    for dataset in sorted({row["dataset"] for row in fewshot}, key=dataset_order):
        rows = [row for row in fewshot if row["dataset"] == dataset]
        n_sets = max(row["token_macro_f1"]["n"] for row in rows)
        n_test = rows[0]["n_test_sentences"]
        note = f"{n_sets} training sets for each k"
        if n_test is not None:
            note += f", {n_test:,} test sentences"
        grids = [
            {"title": title, **_make_grid(rows, metric)}
            for metric, title in METRICS.items()
        ]
        tables.append({"name": dataset, "note": note, "tables": grids})
    return tables


def _make_grid(rows: list[Row], metric: str) -> dict[str, Any]:
    """Systems as rows, k as columns, the best of each column marked."""
    ks = sorted({row["k"] for row in rows}, key=k_order)
    by_key = {(row["system"], row["k"]): row[metric] for row in rows}
    systems = sorted({row["system"] for row in rows}, key=system_order)
    best = {
        k: max(by_key[s, k]["mean"] for s in systems if (s, k) in by_key) for k in ks
    }
    grid = []
    for system in systems:
        cells = [by_key.get((system, k)) for k in ks]
        marked = [
            cell and {**cell, "best": cell["mean"] == best[k]}
            for cell, k in zip(cells, ks, strict=True)
        ]
        grid.append({"system": system, "cells": marked})
    return {"ks": ks, "rows": grid}


def make_gain_tables(
    gains: Iterable[Row], means: Iterable[Row]
) -> list[dict[str, Any]]:
    """Lay out the gains over the base encoder: a table per system, k as columns.

    gains (Iterable[Row]): the summary's "gains".
    means (Iterable[Row]): the summary's "means", for the last rows.
    RETURNS (list[dict[str, Any]]): "system", "ks", "rows" of each system.
    """
    gains, means = list(gains), list(means)
    tables = []
    for system in sorted({row["system"] for row in gains}, key=system_order):
        own = [row for row in gains if row["system"] == system]
        ks = sorted({row["k"] for row in own}, key=k_order)
        rows = []
        for dataset in sorted({row["dataset"] for row in own}, key=dataset_order):
            by_k = {row["k"]: row["gain"] for row in own if row["dataset"] == dataset}
            rows.append(
                {"name": name_dataset(dataset), "cells": [by_k.get(k) for k in ks]}
            )
        for group, name in GROUP_NAMES.items():
            by_k = {
                row["k"]: row["gain"]
                for row in means
                if row["system"] == system and row["group"] == group
            }
            if by_k:
                rows.append(
                    {"name": f"Mean of {name}", "cells": [by_k.get(k) for k in ks]}
                )
        tables.append({"system": system, "ks": ks, "rows": rows})
    return tables


def make_cards(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pick the figures for the top of the page.

    summary (Mapping[str, Any]): as `make_summary` gives it.
    RETURNS (list[tuple[str, str]]): a figure and what it is.
    """
    cards = []
    rows = [row for row in summary["versus_paper"] if row["our_gain"]]
    for system in ("nuner", "nuner_concept_start"):
        own = [row for row in rows if row["system"] == system]
        if not own:
            continue
        # k = 4 where there is one: enough mentions to learn from, few enough to matter
        row = next((row for row in own if row["k"] == "4"), own[0])
        cards.append(
            (
                format_signed(row["our_gain"]["mean"]),
                f"points of {name_system(system)} over the base encoder at k = "
                f"{row['k']} (paper: {format_signed(row['paper_gain'])})",
            )
        )
    if summary["corpus"]:
        corpus = summary["corpus"]
        text = f"sentences with {corpus['n_mentions']:,} mentions in the corpus"
        cards.append((f"{corpus['n_sentences']:,}", text))
        once = f"concepts, {corpus['n_concepts_once']:,} of them seen once"
        cards.append((f"{corpus['n_concepts']:,}", once))
    return cards


def list_corpus_facts(corpus: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The statistics of the concept corpus in words.

    corpus (Mapping[str, Any]): the summary's "corpus".
    RETURNS (list[tuple[str, str]]): name and value.
    """
    per_sentence = corpus.get("mentions_per_sentence", {})
    total = sum(per_sentence.values()) or 1
    facts = [
        (
            "Sentences",
            f"{corpus['n_sentences']:,} ({corpus['n_train']:,} train, "
            f"{corpus['n_dev']:,} dev), {corpus['n_words']:,} words",
        ),
        (
            "Mentions",
            f"{corpus['n_mentions']:,} ({corpus['n_mentions_exact']:,} by exact match, "
            f"{corpus['n_mentions_folded']:,} by folded match), "
            f"{corpus['n_mentions'] / total:.1f} per sentence",
        ),
        (
            "Concepts",
            f"{corpus['n_concepts']:,}, {corpus['n_concepts_once']:,} seen once",
        ),
        (
            "Lines of the replies",
            f"{corpus['n_lines']:,}: {corpus['n_placed_lines']:,} placed, "
            f"{corpus['n_dropped_lines']:,} dropped",
        ),
        ("Lost", f"{corpus['share_lost']:.2%} of the lines"),
    ]
    dropped = corpus.get("dropped_lines", {})
    if dropped:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in dropped.items())
        facts.append(("Reasons of drops", reasons))
    for key, name in (
        ("n_without_mention", "Replies without a mention"),
        ("n_duplicate_texts", "Repeated texts"),
    ):
        if corpus.get(key):
            facts.append((name, f"{corpus[key]:,}, left out"))
    return facts


def describe_calibration(calibration: Mapping[str, Any]) -> str:
    """The calibration in a sentence.

    calibration (Mapping[str, Any]): the summary's "calibration".
    RETURNS (str): plain text.
    """
    return (
        f"Calibrated on the dev part of the concept corpus: a token is of a label from "
        f"the logit {calibration['threshold']:.2f} on, {calibration['n_concepts']:,} "
        f"concepts have thresholds of their own, the scale is "
        f"{calibration['scale']:.2f}."
    )


def list_training_facts(log: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pre-training in words.

    log (Mapping[str, Any]): the summary's "pretraining".
    RETURNS (list[tuple[str, str]]): name and value.
    """
    facts = [("Steps", f"{log['n_steps']:,}")]
    last = log["last"] or {}
    named = {
        "loss": "Loss at the last logged step",
        "p_pos": "Mean probability of positive cells",
        "p_neg": "Mean probability of negative cells",
    }
    facts += [(name, f"{last[key]:.4g}") for key, name in named.items() if key in last]
    if log["epochs"]:
        losses = [epoch["dev_loss"] for epoch in log["epochs"]]
        facts.append(("Dev loss by epoch", ", ".join(f"{x:.5g}" for x in losses)))
    if log["sentences_per_second"]:
        facts.append(("Speed", f"{log['sentences_per_second']:g} sentences per second"))
    return facts
