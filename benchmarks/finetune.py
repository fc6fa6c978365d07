"""Fine-tuning everything against a frozen encoder, from one example of each type on.

Both configs of `spacy-nuner fewshot` train on the same k~2k sets of the pools that the
project ships, and the rest of the pool is scored. No test file is opened.

    python benchmarks/finetune.py --docs docs/component.md
"""

from pathlib import Path
from statistics import mean
from typing import Any

import torch
import typer
from common import (
    REPORTS,
    ROOT,
    describe_machine,
    find_versions,
    machine_line,
    make_table,
    put_block,
    read_command,
    time_call,
    write_json,
)
from texts import FewShot, draw_few_shot
from wasabi import msg

from spacy_nuner.component.fewshot.labels import read_labels
from spacy_nuner.component.fewshot.train import (
    make_examples,
    read_config,
    train_pipeline,
)

FROZEN, TUNED = "encoder frozen", "everything trained"
LABELS = ROOT / "assets" / "labels"


def score(encoder: Path, few: FewShot, *, finetune: bool) -> dict[str, float]:
    """RETURNS (dict[str, float]): Scores of a training set, and the seconds."""
    config = read_config(None, encoder=encoder, finetune=finetune)
    names = read_labels(str(LABELS / f"{few.name}.yml"), dict.fromkeys(few.labels, 1))
    found = []
    seconds = time_call(lambda: found.append(train_pipeline(config, few.train, names)))
    scores = found[0].evaluate(make_examples(found[0], few.rest))
    return {
        "token_macro_f": scores["nuner_token_macro_f"],
        "ents_f": scores["ents_f"],
        "seconds": round(seconds, 2),
    }


def make_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    rows = []
    for k in result["ks"]:
        cells = [cell for cell in result["cells"] if cell["k"] == k]
        both = {
            name: [cell for cell in cells if cell["name"] == name]
            for name in (FROZEN, TUNED)
        }
        shown = [str(k)]
        for key, factor in (("token_macro_f", 100), ("ents_f", 100), ("seconds", 1)):
            shown += [f"{factor * mean(c[key] for c in both[n]):.1f}" for n in both]
        worst = min(
            100 * (tuned["token_macro_f"] - frozen["token_macro_f"])
            for frozen, tuned in zip(both[FROZEN], both[TUNED], strict=True)
        )
        rows.append((*shown, f"{worst:+.1f}"))
    header = ("k", "token macro F1, frozen", "everything", "entity micro F1, frozen",
              "everything", "seconds, frozen", "everything", "worst set")  # fmt: skip
    note = (
        f"Mean over {' and '.join(result['datasets'])}, {result['n_sets']} training "
        "sets each; at most 500 other sentences of the pool are scored. Worst set: "
        f"the least gain of token macro F1. {machine_line(result)}"
    )
    return [*make_table(header, rows), "", note]


def main(
    encoder: Path = typer.Option(ROOT / "encoders" / "sample", help="Encoder folder."),
    datasets: str = typer.Option("workshop,gallery", help="Folders under corpus/ner."),
    output: Path = typer.Option(REPORTS / "finetune.json", help="For the figures."),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
    k: str = typer.Option("1,4,16", help="Mentions of each type."),
    n_sets: int = typer.Option(3, "--sets", min=1, help="Training sets for each k."),
    threads: int = typer.Option(0, min=0, help="0: one per core."),
) -> None:
    """Compare fine-tuning with a frozen encoder on the pools."""
    if threads:
        torch.set_num_threads(threads)
    ks = [int(part) for part in k.split(",")]
    head = {"command": read_command(), "machine": describe_machine(), "clock": "wall"}
    cells = []
    for name in datasets.split(","):
        for n in ks:
            for seed in range(n_sets):
                few = draw_few_shot(ROOT / "corpus" / "ner" / name, n, seed=seed)
                for system in (FROZEN, TUNED):
                    scores = score(encoder, few, finetune=system == TUNED)
                    cell = {"dataset": name, "k": n, "seed": seed, "name": system}
                    cells.append(cell | scores)
                    msg.text(f"{name}, k = {n}, seed {seed}, {system}: {scores}")
    result = head | {
        "versions": find_versions(("torch", "transformers", "spacy")),
        "encoder": encoder.name,
        "datasets": datasets.split(","),
        "ks": ks,
        "n_sets": n_sets,
        "cells": cells,
    }
    write_json(output, result)
    if docs is not None:
        put_block(docs, "finetune", make_lines(result))
    msg.good(f"Figures are in {output}")


if __name__ == "__main__":
    typer.run(main)
