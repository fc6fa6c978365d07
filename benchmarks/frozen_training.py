"""Training with a frozen encoder by `spacy train`: vectors kept, or made in each epoch.

The loop of `spacy train` on one k~2k set, in turn and several times over, without the
time to read the encoder: our pipeline as its config has it; the same with
`keep_vectors_mb = 0`, so that each sentence is encoded in each epoch as spaCy does it
with any frozen component; and stock `transformer` + `ner`.

    python benchmarks/frozen_training.py --docs docs/component.md
"""

import io
import tempfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
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
    ratio_by_round,
    read_command,
    run_rounds,
    time_call,
    write_json,
)
from pipelines import (
    CONFIG,
    choose_layers,
    make_examples,
    make_stock_encoder,
    start_options,
)
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.loop import train
from spacy.util import load_config, load_model_from_config, registry, resolve_dot_names
from texts import FewShot, draw_few_shot
from thinc.api import Config, fix_random_seed
from wasabi import msg

KEPT = "ours, vectors kept"
AGAIN = "ours, encoded in each epoch"
STOCK = "transformer + ner, frozen"
GOAL = 10.0
PACKAGES = ("torch", "transformers", "spacy", "spacy-transformers")


class Trained(NamedTuple):
    """A pipeline after training, and the seconds without reading the encoder."""

    nlp: Language
    seconds: float


def main(
    encoder: Path = typer.Option(ROOT / "encoders" / "sample", help="Encoder folder."),
    dataset: Path = typer.Option(
        ROOT / "corpus" / "ner" / "workshop", help="From 'convert'."
    ),
    output: Path = typer.Option(
        REPORTS / "frozen_training.json", help="Where the figures go."
    ),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
    k: int = typer.Option(16, min=1, help="k to 2k mentions of each type."),
    n_epochs: int = typer.Option(30, "--epochs", min=2),
    n_rounds: int = typer.Option(3, "--rounds", min=1, help="The median counts."),
    threads: int = typer.Option(0, min=0, help="0: one per core."),
    clock: str = typer.Option("wall", help="'wall', or 'cpu' on a busy machine."),
) -> None:
    """Compare the time of `spacy train` with a frozen encoder."""
    if threads:
        torch.set_num_threads(threads)
    head = {"command": read_command(), "machine": describe_machine(), "clock": clock}
    few = draw_few_shot(dataset, k, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        configs = make_configs(Path(folder), encoder, few.train, n_epochs)
        result = head | compare(configs, few, n_rounds, clock)
    result |= {
        "versions": find_versions(PACKAGES),
        "dataset": few.name,
        "encoder": encoder.name,
        "k": k,
        "n_epochs": n_epochs,
        "n_rounds": n_rounds,
    }
    write_json(output, result)
    lines = training_lines(result)
    for line in lines:
        msg.text(line)
    if docs is not None:
        put_block(docs, "training", lines)
    msg.good(f"Figures are in {output}")


def make_configs(
    folder: Path, encoder: Path, docs: list[Doc], n_epochs: int
) -> dict[str, Config]:
    """Make the configs of `spacy train`, which look at scores first and last.

    folder (Path): Where the training set and the stock encoder are written.
    encoder (Path): Encoder folder.
    docs (list[Doc]): The training set.
    n_epochs (int): Epochs.
    RETURNS (dict[str, Config]): By name of the row.
    """
    corpus = folder / "train.spacy"
    DocBin(docs=docs).to_disk(corpus)
    options = start_options(encoder)
    ours = load_config(
        CONFIG,
        overrides={
            "paths.train": str(corpus),
            "paths.encoder": str(encoder),
            "paths.labels": str(folder / "labels.json"),
            "initialize.components.nuner.start": options["start"],
            "initialize.components.nuner.encoder": options.get("encoder"),
        },
    )
    choose_layers(ours, encoder)
    stock_folder = folder / "stock"
    make_stock_encoder(encoder).to_disk(stock_folder)
    stock = init_config(lang="en", pipeline=["ner"], optimize="accuracy", gpu=True)
    stock["paths"] |= {"train": str(corpus), "dev": str(corpus)}
    stock["system"]["gpu_allocator"] = None
    stock["components"]["transformer"] = {"source": str(stock_folder)}
    stock["training"] |= {
        "frozen_components": ["transformer"],
        "annotating_components": ["transformer"],
    }
    # That of the quickstart is for a transformer that is trained
    stock["training"]["optimizer"]["learn_rate"] = 0.001
    again = Config(deepcopy(ours))
    again["initialize"]["components"]["nuner"]["keep_vectors_mb"] = 0
    configs = {KEPT: ours, AGAIN: again, STOCK: stock}
    for config in configs.values():
        config["training"] |= {
            "max_epochs": n_epochs,
            "max_steps": 0,
            "patience": 0,
            "eval_frequency": n_epochs - 1,
        }
    return configs


def train_frozen(config: Config, clock: str) -> Trained:
    """Do what `spacy train` does, with a clock that starts when the encoder is read.

    config (Config): The config.
    clock (str): "wall" or "cpu".
    RETURNS (Trained): The pipeline.
    """
    config = config.interpolate()
    fix_random_seed(config["training"]["seed"])
    nlp = load_model_from_config(config, auto_fill=True)
    names = [config["training"]["train_corpus"]]
    (corpus,) = resolve_dot_names(nlp.config.interpolate(), names)
    frozen: Any = nlp.get_pipe("transformer")
    if frozen.model.has_dim("nO") is None:
        frozen.initialize(lambda: corpus(nlp), nlp=nlp)
    optimizer = registry.resolve(nlp.config.interpolate()["training"])["optimizer"]

    def run() -> None:
        with nlp.select_pipes(disable=["transformer"]):
            nlp.initialize(lambda: corpus(nlp), sgd=optimizer)
        train(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())

    return Trained(nlp, time_call(run, clock))


def compare(
    configs: dict[str, Config], few: FewShot, n_rounds: int, clock: str
) -> dict[str, Any]:
    """Train by each config in turn and score what came of it.

    configs (dict[str, Config]): By name of the row.
    few (FewShot): The rest of its pool is what is scored.
    n_rounds (int): Rounds.
    clock (str): "wall" or "cpu".
    RETURNS (dict[str, Any]): Seconds and scores of each, and what came of the goals.
    """
    last: dict[str, Language] = {}

    def make_timer(name: str) -> Callable[[], float]:
        def timer() -> float:
            trained = train_frozen(configs[name], clock)
            last[name] = trained.nlp
            return trained.seconds

        return timer

    seconds = run_rounds(
        {name: make_timer(name) for name in configs},
        n_rounds,
        lambda name, seconds: msg.text(f"{name}: {seconds:.2f} s"),
    )
    rows = {}
    for name, nlp in last.items():
        scores = nlp.evaluate(make_examples(nlp, few.rest))
        rows[name] = {
            "seconds": [round(s, 3) for s in seconds[name]],
            "median": round(median(seconds[name]), 3),
            "ents_f": scores["ents_f"],
            "token_macro_f": scores.get("nuner_token_macro_f"),
        }
    pipes: list[Any] = [last[name].get_pipe("nuner") for name in (KEPT, AGAIN)]
    kept, again = (pipe.head.get_ref("output").get_param("W") for pipe in pipes)
    ratios = {
        name: round(ratio_by_round(seconds[name], seconds[KEPT]), 2)
        for name in (AGAIN, STOCK)
    }
    return {
        "n_sentences": len(few.train),
        "n_scored": len(few.rest),
        "rows": rows,
        "ratios": ratios,
        "weights_differ_by": float(np.abs(kept - again).max()),
        "same_scores": rows[KEPT]["ents_f"] == rows[AGAIN]["ents_f"]
        and rows[KEPT]["token_macro_f"] == rows[AGAIN]["token_macro_f"],
        "goal": GOAL,
        "met": {name: ratio >= GOAL for name, ratio in ratios.items()},
    }


def training_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    rows = [
        (
            name,
            f"{row['median']:.2f}",
            f"{min(row['seconds']):.2f} – {max(row['seconds']):.2f}",
            f"{result['ratios'].get(name, 1.0):.1f}",
            f"{100 * row['ents_f']:.1f}",
            "–"
            if row["token_macro_f"] is None
            else f"{100 * row['token_macro_f']:.1f}",
        )
        for name, row in result["rows"].items()
    ]
    header = (
        f"{result['n_epochs']} epochs",
        "seconds",
        "fastest – slowest",
        "it ÷ kept",
        "entity micro F1",
        "token macro F1",
    )
    same = "the same" if result["same_scores"] else "not the same"
    return [
        *make_table(header, rows),
        "",
        f"A set of k = {result['k']} of {result['dataset']}, {result['n_sentences']} "
        f"sentences; scores on {result['n_scored']} others of its pool. With vectors "
        f"kept or not, scores are {same} and weights differ by at most "
        f"{result['weights_differ_by']:.1g}. Median of {result['n_rounds']} rounds "
        f"by the {result['clock']} clock; "
        f"`{result['command']}`; {machine_line(result)}",
    ]


if __name__ == "__main__":
    typer.run(main)
