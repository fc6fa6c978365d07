"""Cards of a corpus, an encoder and a pipeline, from what the run left."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from ..plain import escape_md

START: Final = "<!-- run:start -->"
END: Final = "<!-- run:end -->"
PACKAGES: Final = ("spacy-nuner", "spacy", "thinc", "torch", "transformers", "numpy")
N_TOP: Final = 20
HARDWARE: Final = "hardware"  # of a record of the log, and of nuner.json
HERE: Final = "where the card was made"
SECONDS: Final = "wall time of pre-training"

DATA_CARD: Final = """\
---
language: en
license: {licence}
task_categories: [token-classification]
tags: [ner, open-types, llm-annotated, nuner, spacy]
---

# Concept corpus

Sentences annotated by a large language model with free-form concepts, by the NuNER
procedure ([Bogdanov et al., 2024](https://arxiv.org/abs/2402.15343)), made with
spacy-nuner. `train/` and `dev/` hold spaCy's DocBin files, with mentions in
`doc.spans["concepts"]` (span label = concept); `drops.jsonl` every line of a reply that
was not placed, with the reason; `stats.json` all counts.

{facts}

Most frequent concepts: {top}.

## Sources and terms

{sources}

## What to know before use

- Many mentions are missed: the annotator marks what it thinks of, not all there is.
- Positions are found by string match; all whole-word occurrences are marked.
- The annotation carries the language model's errors and biases. Nobody has checked it,
  unless a file of `spacy-nuner check-result` says so.

## Overlap with test sets

{leaks}

## Made

{run}
"""
RUN_BLOCK: Final = """\
{start}
## Sources and terms

{sources}

## Overlap of the training texts with test sets

{leaks}

## The run

{run}
{end}"""


def table_of(rows: Mapping[str, object]) -> str:
    """RETURNS (str): A Markdown table of two columns."""
    lines = [
        f"| {escape_md(key.replace('_', ' '))} | {escape_md(value)} |"
        for key, value in rows.items()
        if value != ""
    ]
    return "\n".join(["| | |", "|---|---|", *lines])


def render_data_card(
    stats: Mapping[str, Any],
    sources: Mapping[str, str],
    leaks: Mapping[str, Any] | None,
    run: Mapping[str, object],
) -> str:
    """Write the card of a corpus.

    stats (Mapping[str, Any]): `stats.json`.
    sources (Mapping[str, str]): texts, licence, annotator, terms.
    leaks (Mapping[str, Any] | None): what the leak check found; None: not made.
    run (Mapping[str, object]): from `describe_run`.
    RETURNS (str): Markdown.
    """
    top = ", ".join(f"{escape_md(c)} ({n:,})" for c, n in stats["concepts"][:N_TOP])
    facts = {
        "sentences": f"{stats['n_sentences']:,}",
        "train / dev": f"{stats['n_train']:,} / {stats['n_dev']:,}",
        "words": f"{stats['n_words']:,}",
        "mentions": f"{stats['n_mentions']:,}",
        "concepts": f"{stats['n_concepts']:,}",
        "concepts seen once": f"{stats['n_concepts_once']:,}",
        "lines of replies without a mention": f"{stats['n_dropped_lines']:,} of "
        f"{stats['n_lines']:,}",
    }
    return DATA_CARD.format(
        licence=_tag(sources.get("licence", "")),
        facts=table_of(facts),
        top=top or "none",
        sources=table_of({**sources, **_list_models(stats)}),
        leaks=render_leaks(leaks),
        run=table_of(run),
    )


def _tag(licence: str) -> str:
    """RETURNS (str): As the hub has it: "odc-by", "mit", or "other"."""
    name = licence.lower().replace(" ", "-")
    return name if re.fullmatch(r"[a-z0-9.-]{2,20}", name) else "other"


def _list_models(stats: Mapping[str, Any]) -> dict[str, str]:
    models = (stats.get("source") or {}).get("models") or {}
    names = ", ".join(f"{name} ({n:,} replies)" for name, n in models.items())
    return {"replies came through": names} if names else {}


def render_leaks(leaks: Mapping[str, Any] | None) -> str:
    """Say what the leak check found.

    leaks (Mapping[str, Any] | None): fields of `corpus.leaks.Leaks`; None: not made.
    RETURNS (str): Markdown.
    """
    if leaks is None:
        return "Not checked: no test set was at hand."
    n_leaks = sum(leaks["by_set"].values())
    lines = [
        f"{n_leaks:,} of {leaks['n_sentences']:,} sentences share a run of "
        f"{leaks['n_words']} words (a shorter sentence: all of them) with one of the "
        f"test sets {', '.join(map(escape_md, leaks['test_sets']))}."
    ]
    lines += [f"- {escape_md(name)}: {n:,}" for name, n in leaks["by_set"].items()]
    if leaks["examples"]:
        shown = "; ".join(escape_md(f"{n}: {words}") for n, words in leaks["examples"])
        lines.append(f"\nFor example {shown}.")
    if leaks["labels"]:
        lines.append(
            "\nConcepts that are called like a label of a test set, with their "
            "mentions in the corpus (no label is new to an encoder that has seen its "
            "name):"
        )
        for name, found in leaks["labels"].items():
            told = ", ".join(f"{label} {n:,}" for label, n in found.items())
            lines.append(f"- {escape_md(name)}: {escape_md(told)}")
    return "\n".join(lines)


def render_run_block(
    sources: Mapping[str, str],
    leaks: Mapping[str, Any] | None,
    run: Mapping[str, object],
) -> str:
    """Write the part of an encoder's card that comes from the run.

    sources (Mapping[str, str]): texts, licence, annotator, terms.
    leaks (Mapping[str, Any] | None): what the leak check found.
    run (Mapping[str, object]): from `describe_run`.
    RETURNS (str): Markdown between its marks.
    """
    return RUN_BLOCK.format(
        start=START,
        end=END,
        sources=table_of(sources),
        leaks=render_leaks(leaks),
        run=table_of(run),
    )


def put_run_block(card: str, block: str) -> str:
    """Put the part into a card, in place of an earlier one or at the end.

    card (str): Markdown.
    block (str): from `render_run_block`.
    RETURNS (str): the card.
    """
    before, start, rest = card.partition(START)
    _, end, after = rest.partition(END)
    if start and end:
        return before + block + after
    return f"{card.rstrip()}\n\n{block}\n"


def describe_run(
    log: Sequence[Mapping[str, Any]] = (),
    *,
    n_sentences: int = 0,
    encoder: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """Say what the run itself has recorded, and apart from it where the card is made.

    log (Sequence[Mapping[str, Any]]): the pre-training log, and `runs.jsonl` beside it.
    n_sentences (int): of the training part, for the time; 0: not known.
    encoder (Mapping[str, Any] | None): `nuner.json`, where there is an encoder.
    RETURNS (dict[str, object]): what it was made with, in words.
    """
    found: dict[str, object] = {}
    if log or encoder:
        found |= describe_hardware(log, encoder or {})
    speeds = [r["sentences_per_second"] for r in log if r.get("sentences_per_second")]
    if speeds:
        speed = sum(speeds) / len(speeds)
        found["speed of pre-training"] = f"{speed:.0f} sentences a second"
        found["steps"] = max(int(record.get("step", 0)) for record in log)
        epochs = [int(r.get("epoch", 0)) for r in log if HARDWARE not in r]
        if n_sentences and SECONDS not in found:
            minutes = (1 + max(epochs)) * n_sentences / speed / 60
            found["time of pre-training"] = f"about {minutes:.0f} minutes by its speed"
    return {**found, HERE: _describe_here()}


def describe_hardware(
    log: Sequence[Mapping[str, Any]], encoder: Mapping[str, Any]
) -> dict[str, object]:
    """Say what the pre-training ran on, by its own record.

    Each start of a run leaves one: "hardware" with "machine", "device" and "processes",
    beside it "seconds" (`runs.jsonl`). `nuner.json` may have the same.

    log (Sequence[Mapping[str, Any]]): the pre-training log.
    encoder (Mapping[str, Any]): `nuner.json`.
    RETURNS (dict[str, object]): machine, device and time, in words.
    """
    runs = [r for r in log if isinstance(r.get(HARDWARE), Mapping)]
    if not runs and isinstance(encoder.get(HARDWARE), Mapping):
        runs = [encoder]
    if not runs:
        return {"hardware of pre-training": "not recorded"}
    found: dict[str, object] = {}
    for name in ("machine", "device", "processes", "torch"):
        told = [str(run[HARDWARE][name]) for run in runs if name in run[HARDWARE]]
        if told:
            found[f"{name} of pre-training"] = ", then ".join(dict.fromkeys(told))
    seconds = [float(run["seconds"]) for run in runs if "seconds" in run]
    if len(seconds) == len(runs):
        found[SECONDS] = f"{sum(seconds) / 60:.1f} minutes"
        if len(runs) > 1:
            found[SECONDS] = f"{found[SECONDS]}, in {len(runs)} parts"
    return found


def _describe_here() -> str:
    parts = [
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        f"Python {platform.python_version()}",
    ]
    for name in PACKAGES:
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            parts.append(f"no {name}")
    return "; ".join(parts)
