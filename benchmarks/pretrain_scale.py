"""Pre-training on a million sentences: indexing, start-up, memory, throughput.

A large corpus is made of the sample by repeating and perturbing it (its text makes no
sense), and beside it a small one of the same kind, as large as the sample. Each figure
comes from a process of its own; rounds of the two corpora take turns.

    python benchmarks/pretrain_scale.py --docs docs/pretraining.md
"""

import json
import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import typer
from common import (
    REPORTS,
    describe_machine,
    find_versions,
    machine_line,
    make_table,
    put_block,
    ratio_by_round,
    read_command,
    write_json,
)
from probes import BATCH_SIZE, N_WARM, alone, index, train
from repeated import SAMPLE, write_part
from texts import read_sentences
from wasabi import msg

from spacy_nuner.pretrain.tiny import build_tiny_encoder

SMALL, LARGE = "small", "large"
N_DEV = 500
GOALS = {"seconds_to_start": 60.0, "mib_growth": 200.0, "ratio": 0.95}
TITLES = (
    ("sentences", "n_sentences", ",d"),
    ("concepts", "n_concepts", ",d"),
    ("first indexing, s", "seconds_to_index", ",.1f"),
    ("index on the disk, MiB", "mib_on_disk", ",.0f"),
    ("start-up after it, s", "seconds_to_start", ",.1f"),
    ("private memory, MiB", "mib_private", ",.0f"),
    ("mapped files, MiB", "mib_mapped", ",.0f"),
    ("most of both together, MiB", "mib_peak", ",.0f"),
    ("sentences per second", "sentences_per_second", ",.0f"),
)
MASKED = {"pretrain.targets.unmarked": "mask", "pretrain.targets.synonyms": "mask"}


def main(
    n_sentences: int = typer.Option(1_000_000, "--sentences", min=1000),
    n_small: int = typer.Option(5411, "--small", min=600, help="As the sample has."),
    n_steps: int = typer.Option(100, "--steps", min=1, help="Timed steps of a round."),
    n_rounds: int = typer.Option(5, "--rounds", min=1, help="The median counts."),
    sample: Path = typer.Option(SAMPLE, help="Training part of a concept corpus."),
    folder: Path | None = typer.Option(
        None, help="Where the corpora and runs are kept; none: thrown away."
    ),
    output: Path = typer.Option(
        REPORTS / "pretrain_scale.json", help="Where the figures go."
    ),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
    clock: str = typer.Option("wall", help="'wall', or 'cpu' on a busy machine."),
) -> None:
    """Compare pre-training on a large corpus with that on a small one."""
    least = (N_WARM + n_steps + 2) * BATCH_SIZE
    if n_small < least:
        raise typer.BadParameter(f"--small has to be {least}: no epoch may end")
    head = {"command": read_command(), "machine": describe_machine(), "clock": clock}
    with tempfile.TemporaryDirectory() as temp:
        place = Path(temp) if folder is None else folder
        sizes = {SMALL: n_small, LARGE: n_sentences}
        settings = prepare(place, sizes, sample)
        result = head | measure(place, settings, n_steps, n_rounds, clock)
    result |= {
        "versions": find_versions(("torch", "tokenizers", "numpy", "spacy")),
        "n_steps": n_steps,
        "n_rounds": n_rounds,
        "goals": GOALS,
    }
    write_json(output, result)
    lines = scale_lines(result)
    for line in lines:
        msg.text(line)
    if docs is not None:
        put_block(docs, "scale", lines)
    msg.good(f"Figures are in {output}")


def prepare(
    folder: Path, sizes: dict[str, int], sample: Path
) -> dict[str, dict[str, Any]]:
    """Make the corpora and the encoder, where they are not there yet.

    folder (Path): Where they are put.
    sizes (dict[str, int]): Sentences of each corpus.
    sample (Path): Training part of the concept corpus to repeat.
    RETURNS (dict[str, dict[str, Any]]): Settings of the runs by corpus.
    """
    encoder, settings = folder / "encoder", {}
    if not (encoder / "config.json").exists():
        build_tiny_encoder(encoder, read_sentences(2000))
    for name, size in sizes.items():
        parts = {"train": (size, 0), "dev": (N_DEV, 1)}
        for part, (n, seed) in parts.items():
            path = folder / f"{name}-{size}" / part
            if not path.exists():
                seconds = write_part(path, sample, n, seed)
                msg.text(f"{path}: {n} sentences in {seconds:.0f} s")
        settings[name] = {
            "paths.encoder": str(encoder),
            "paths.train": str(folder / f"{name}-{size}" / "train"),
            "paths.dev": str(folder / f"{name}-{size}" / "dev"),
            "system.n_threads": 1,
            "pretrain.batch_size": BATCH_SIZE,
            "pretrain.bucket": 16,
            "pretrain.log_every": 10**9,
            "pretrain.checkpoint_every": 10**9,
            # The file would hold all of the small corpus and a part of the large one
            "pretrain.cache_frozen_gib": 0.0,
        }
    return settings


def measure(
    folder: Path,
    settings: dict[str, dict[str, Any]],
    n_steps: int,
    n_rounds: int,
    clock: str,
) -> dict[str, Any]:
    """Index both corpora, then start runs on them in turn.

    folder (Path): Where the runs are put.
    settings (dict[str, dict[str, Any]]): Settings of the runs by corpus.
    n_steps (int): Timed steps of a round.
    n_rounds (int): Rounds.
    clock (str): "wall" or "cpu".
    RETURNS (dict[str, Any]): The figures of each corpus, and what came of the goals.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, overrides in settings.items():
        runs = folder / f"run-{name}"
        shutil.rmtree(runs, ignore_errors=True)
        rows[name] = alone(index, overrides, runs, clock) | {"rounds": []}
        msg.text(f"{name}: indexed in {rows[name]['seconds_to_index']:.1f} s")
    for _ in range(n_rounds):
        for name, overrides in settings.items():
            found = alone(train, overrides, folder / f"run-{name}", n_steps, clock)
            rows[name]["rounds"].append(found)
            msg.text(f"{name}: {json.dumps(found)}")
    for name, overrides in settings.items():
        masked = [
            alone(train, overrides | MASKED, folder / f"run-{name}", 1, clock)
            for _ in range(2)
        ]
        rows[name]["masked"] = masked
        rounds = rows[name]["rounds"]
        rows[name] |= {key: median(r[key] for r in rounds) for key in rounds[0]}
    small, large = rows[SMALL], rows[LARGE]
    seconds = {
        n: [1 / r["sentences_per_second"] for r in rows[n]["rounds"]] for n in rows
    }
    figures = {
        "seconds_to_start": large["seconds_to_start"],
        "mib_growth": round(large["mib_private"] - small["mib_private"], 1),
        "ratio": round(ratio_by_round(seconds[SMALL], seconds[LARGE]), 3),
    }
    return {"rows": rows, "figures": figures, "met": check_goals(figures)}


def check_goals(figures: dict[str, float]) -> dict[str, bool]:
    """RETURNS (dict[str, bool]): Which goals are met."""
    return {
        "seconds_to_start": figures["seconds_to_start"] < GOALS["seconds_to_start"],
        "mib_growth": figures["mib_growth"] < GOALS["mib_growth"],
        "ratio": figures["ratio"] >= GOALS["ratio"],
    }


def scale_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    rows, figures, goals = result["rows"], result["figures"], result["goals"]
    growth, ratio = figures["mib_growth"], figures["ratio"]
    notes = {
        "seconds_to_start": f"< {goals['seconds_to_start']:.0f}",
        "mib_private": f"{growth:+.0f}; < +{goals['mib_growth']:.0f}",
        "sentences_per_second": f"{ratio:.3f}; ≥ {goals['ratio']}",
    }
    table = [
        (
            title,
            format(rows[SMALL][key], form),
            format(rows[LARGE][key], form),
            notes.get(key, ""),
        )
        for title, key, form in TITLES
    ]
    large, made, later = rows[LARGE], *rows[LARGE]["masked"]
    grown, kept = (
        ours["mib_private"] - theirs["mib_private"]
        for ours, theirs in zip(large["masked"], rows[SMALL]["masked"], strict=True)
    )
    return [
        *make_table(("", SMALL, LARGE, "large to small; goal"), table),
        "",
        "Private memory is what the process has to itself; the system can drop the "
        "pages of mapped files. While the large corpus is indexed, it grows from "
        f"{large['mib_private_before_indexing']:,.0f} to at most "
        f"{large['mib_private_indexing']:,.0f} MiB; of the time, "
        f"{large['share_tokenizer']:.0%} is the tokenizer's and "
        f"{large['share_reading']:.0%} goes into reading documents. With "
        '`unmarked = "mask"` and `synonyms = "mask"`, the first start-up takes '
        f"{made['seconds_to_start']:.0f} s ({grown:+.0f} MiB to the small corpus), "
        f"later ones {later['seconds_to_start']:.1f} s ({kept:+.0f} MiB).",
        "",
        f"The tiny profile's encoder, batches of {BATCH_SIZE}, one thread; medians of "
        f"{result['n_rounds']} rounds of {result['n_steps']} steps by the "
        f"{result['clock']} clock. Start-up ends with the first step. "
        f"`{result['command']}`; {machine_line(result)}",
    ]


if __name__ == "__main__":
    typer.run(main)
