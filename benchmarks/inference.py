"""Words a second of `nlp.pipe` on a CPU, beside other systems on the same encoder.

All systems get the same texts in one run, in turn and several times over: a busy minute
of the machine hits all of them. What is not installed is left out and named.

    python benchmarks/inference.py --docs docs/component.md
    python benchmarks/inference.py --python-span-marker other/.venv/bin/python
    python benchmarks/inference.py --memory 100000
"""

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import spacy
import torch
import typer
from common import (
    REPORTS,
    ROOT,
    describe_machine,
    machine_line,
    make_table,
    put_block,
    ratio_by_round,
    read_command,
    run_rounds,
    write_json,
)
from int8_cost import COST_HEADER, cost_rows, measure_cost
from memory import measure_memory, memory_lines
from pipelines import make_ours
from spacy.tokens import DocBin
from systems import BARE, STOCK, Systems, make_systems
from texts import Texts, make_texts
from wasabi import msg

# What is promised: a name, the system above the line, the one below, the least ratio
GOALS = [
    ("words a second against transformer + ner", "ours", STOCK, 1.5),
    ("against GLiNER", "ours", "GLiNER", 1.0),
    ("against SpanMarker", "ours", "SpanMarker", 1.0),
    ("against the bare encoder", "ours", BARE, 0.9),
    ("int8 against full precision", "ours, int8", "ours", 1.8),
]


def main(
    encoder: Path = typer.Option(
        ROOT / "assets" / "encoders" / "all-MiniLM-L6-v2", help="Encoder folder."
    ),
    output: Path = typer.Option(REPORTS, help="Folder that the figures go to."),
    docs: Path | None = typer.Option(None, help="Markdown file to put the tables in."),
    n_sentences: int = typer.Option(2000, "--sentences", min=20),
    every: int = typer.Option(
        8, min=1, help="GLiNER and SpanMarker read one of so many sentences."
    ),
    n_rounds: int = typer.Option(3, "--rounds", min=1, help="The median counts."),
    threads: int = typer.Option(0, min=0, help="Of every system; 0: one per core."),
    clock: str = typer.Option("wall", help="'wall', or 'cpu' on a busy machine."),
    python_gliner: Path = typer.Option(
        Path(sys.executable), help="Python of the environment that has gliner."
    ),
    python_span_marker: Path = typer.Option(
        Path(sys.executable), help="The same for span_marker."
    ),
    datasets: Path = typer.Option(
        ROOT / "corpus" / "ner", help="From 'convert', for the cost of int8."
    ),
    cost_encoder: Path | None = typer.Option(
        None, help="Encoder folder for the cost of int8; the same one if not given."
    ),
    cost_k: int = typer.Option(16, min=1, help="k of its training sets."),
    cost_sets: int = typer.Option(3, min=1, help="Training sets of each data set."),
    memory: int = typer.Option(
        0, min=0, help="Measure the memory over so many documents, and nothing else."
    ),
) -> None:
    """Compare the speed of pipelines, show what int8 costs, or measure the memory."""
    if threads:
        torch.set_num_threads(threads)
    head = {"command": read_command(), "machine": describe_machine(), "clock": clock}
    examples = list(
        DocBin()
        .from_disk(datasets / "gallery" / "pool.spacy")
        .get_docs(spacy.blank("en").vocab)
    )
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "ours"
        make_ours(encoder, examples, n_steps=100).to_disk(saved)
        if memory:
            result: dict[str, Any] = head | measure_memory(saved, memory)
            write_json(output / "memory.json", result)
            lines, block = memory_lines(result), "memory"
        else:
            texts = make_texts(n_sentences)
            pythons = {"GLiNER": python_gliner, "SpanMarker": python_span_marker}
            systems = make_systems(
                encoder,
                saved,
                examples[:60],
                texts,
                pythons,
                clock=clock,
                every=every,
            )
            result = head | measure_speed(systems, texts, n_rounds)
            result["others_read_one_of"] = every
            result["int8_cost"] = measure_cost(
                cost_encoder or encoder, datasets, k=cost_k, n_sets=cost_sets
            )
            write_json(output / "inference.json", result)
            lines, block = speed_lines(result), "inference"
    for line in lines:
        msg.text(line)
    if docs is not None:
        put_block(docs, block, lines)
    msg.good(f"Figures are in {output}")


def measure_speed(systems: Systems, texts: Texts, n_rounds: int) -> dict[str, Any]:
    """Time the systems.

    systems (Systems): The systems; their processes are ended.
    texts (Texts): What they read.
    n_rounds (int): Rounds.
    RETURNS (dict[str, Any]): Figures of each system and what came of the goals.
    """
    n_words = texts.n_words

    def show(name: str, seconds: float) -> None:
        msg.text(f"{name}: {n_words / seconds:,.0f} words a second")

    seconds = run_rounds(systems.timers, n_rounds, show)
    for other in systems.others:
        other.close()
    rows = {
        name: {
            "seconds": [round(s, 3) for s in times],
            "words_per_second": round(n_words / median(times), 1),
            "slowest": round(n_words / max(times), 1),
            "fastest": round(n_words / min(times), 1),
        }
        for name, times in seconds.items()
    }
    goals: list[dict[str, Any]] = [
        {
            "goal": goal,
            "least": least,
            "ratio": round(ratio_by_round(seconds[below], seconds[above]), 3),
        }
        for goal, above, below, least in GOALS
        if above in seconds and below in seconds
    ]
    return {
        "versions": systems.versions,
        "n_documents": len(texts.documents),
        "n_words": n_words,
        "share_long": round(texts.share_long, 3),
        "n_rounds": n_rounds,
        "systems": rows,
        "not_installed": systems.missing,
        "goals": [goal | {"met": goal["ratio"] >= goal["least"]} for goal in goals],
    }


def speed_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    ours = result["systems"]["ours"]["words_per_second"]
    rows = [
        (
            name,
            f"{row['words_per_second']:,.0f}",
            f"{row['slowest']:,.0f} – {row['fastest']:,.0f}",
            f"{ours / row['words_per_second']:.2f}",
        )
        for name, row in result["systems"].items()
    ]
    lines = make_table(("system", "words/s", "slowest – fastest", "ours ÷ it"), rows)
    lines += ["", *make_table(COST_HEADER, cost_rows(result["int8_cost"])), ""]
    lines += make_table(
        ("goal", "at least", "median ratio", "met"),
        [
            (
                goal["goal"],
                f"{goal['least']}",
                f"{goal['ratio']:.2f}",
                "yes" if goal["met"] else "no",
            )
            for goal in result["goals"]
        ],
    )
    if result["not_installed"]:
        lines += ["", f"Not installed: {', '.join(result['not_installed'])}."]
    lines += [
        "",
        f"{result['n_documents']:,} documents, {result['n_words']:,} words, "
        f"{result['share_long']:.0%} of them in documents of several sentences (GLiNER "
        f"and SpanMarker: one sentence of {result['others_read_one_of']}); median "
        f"of {result['n_rounds']} rounds by the {result['clock']} clock. "
        f"`{result['command']}`; {machine_line(result)}",
    ]
    return lines


if __name__ == "__main__":
    typer.run(main)
