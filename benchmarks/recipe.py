"""Recipes of pre-training, compared on the dev part and on the pools: the docs' table.

Each recipe is the default of configs/sample/pretrain.cfg with some settings changed. It
is trained with several seeds on a part of the training sentences and scored by the rank
of the dev part's concepts and by few-shot heads on halves of the pools (`pools.py`). No
test file is opened. Finished cells are kept: the command can be stopped and goes on.

    python benchmarks/recipe.py --seeds 0,1,2 --docs docs/pretraining.md
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
import typer
from common import make_table, put_block, read_command
from pools import (
    CONCEPT,
    LABELS,
    RANDOM,
    ROOT,
    average,
    cut_pools,
    read_scores,
    score_pools,
)
from wasabi import msg

CONFIG = ROOT / "configs" / "sample" / "pretrain.cfg"
MODEL, TARGETS, LOSS = "pretrain.model", "pretrain.targets", "pretrain.loss"
RATE = "pretrain.optimizer.learn_rate.initial_rate"
STARTS = {"concept start": CONCEPT, "random start": RANDOM}
# Name of the row and what differs from the first one
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "paper: rate 3e-5, no bias": {
        RATE: 3e-5, f"{MODEL}.bias": 0.0, f"{MODEL}.learn_bias": False,
    },
    "rate 2.5e-4": {RATE: 2.5e-4},
    "rate 1e-3": {RATE: 1e-3},
    "rate 2e-3": {RATE: 2e-3},
    "bias fixed": {f"{MODEL}.learn_bias": False},
    "bias from the log-odds": {f"{MODEL}.bias": "log_odds"},
    "temperature 2": {f"{MODEL}.temperature": 2.0},
    "temperature learned": {f"{MODEL}.learn_temperature": True},
    "pooling cls": {f"{MODEL}.pooling": "cls"},
    "text encoder: all layers trained": {f"{MODEL}.n_frozen_layers": 0},
    "text encoder: half frozen, as the paper": {f"{MODEL}.n_frozen_layers": 3},
    "text encoder: 5 of 6 layers frozen": {f"{MODEL}.n_frozen_layers": 5},
    "text encoder: embeddings trained, too": {
        f"{MODEL}.n_frozen_layers": 0, f"{MODEL}.freeze_embeddings": False,
    },
    "concept encoder: half frozen": {f"{MODEL}.n_frozen_concept_layers": 3},
    "concept encoder: embeddings trained": {
        f"{MODEL}.freeze_concept_embeddings": False
    },
    "batches of 24": {"pretrain.batch_size": 24},
    "batches of 96": {"pretrain.batch_size": 96},
    "first sub-token of each word": {f"{TARGETS}.subtokens": "first"},
    "positives weigh 4": {f"{LOSS}.positive_weight": 4.0},
    "label smoothing 0.1": {f"{LOSS}.label_smoothing": 0.1},
    "synonyms masked": {f"{TARGETS}.synonyms": "mask"},
    "synonyms softened": {f"{TARGETS}.synonyms": "soften"},
    "unmarked mentions masked": {f"{TARGETS}.unmarked": "mask"},
    "no dropout": {f"{MODEL}.dropout": 0.0},
    "twice the epochs": {"pretrain.max_epochs": 2},  # a factor
}  # fmt: skip


def run_cell(
    overrides: dict[str, Any],
    seed: int,
    *,
    fixed: dict[str, Any],
    pools: Path,
    ks: str,
    n_sets: int,
) -> dict[str, Any]:
    """Train one encoder and score it.

    overrides (dict[str, Any]): What the recipe changes.
    seed (int): Seed of the training.
    fixed (dict[str, Any]): What is the same for all recipes.
    pools (Path): Halves of the pools.
    ks (str): Mentions of each type.
    n_sets (int): Training sets for each k.
    RETURNS (dict[str, Any]): Scores.
    """
    from spacy_nuner.pretrain.export import export_encoder
    from spacy_nuner.pretrain.log import TrainLog
    from spacy_nuner.pretrain.run import pretrain
    from spacy_nuner.pretrain.settings import load_settings

    factor = overrides.get("pretrain.max_epochs", 1)
    epochs = factor * fixed["pretrain.max_epochs"]
    settings = fixed | overrides | {"pretrain.max_epochs": epochs, "system.seed": seed}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pretrain(load_settings(CONFIG, settings), folder / "run")
        records = TrainLog(folder / "run" / "log.jsonl").read()
        encoder = folder / "encoder"
        export_encoder(folder / "run" / "last", encoder)
        cell: dict[str, Any] = {
            "dev": [r for r in records if "dev_mrr" in r][-1],
            "pools": {},
        }
        for start, system in STARTS.items():
            output = folder / system
            score_pools(
                encoder,
                pools,
                output,
                system=system,
                ks=ks,
                n_sets=n_sets,
                labels=LABELS,
            )
            scores = read_scores(output, "token_macro_f1")
            cell["pools"][start] = {
                str(k): average(scores, k) for k in sorted({k for k, _, _ in scores})
            }
    return cell


def describe_start() -> dict[str, Any]:
    """RETURNS (dict[str, Any]): What all recipes start from: settings of the default,
    base encoder and corpus, by their hashes. Cells of another start are made anew.
    """
    from spacy_nuner.pretrain.settings import (
        BLOCKS,
        flatten,
        is_decisive,
        load_settings,
        set_steps,
    )

    config = set_steps(load_settings(CONFIG, {}), n_sentences=1)
    settings: dict[str, Any] = {}
    for block in BLOCKS:
        flat = flatten(config[block], block)
        settings |= {key: value for key, value in flat.items() if is_decisive(key)}
    stats = Path(config["paths"]["train"]).parent / "stats.json"
    weights = Path(config["paths"]["encoder"]) / "model.safetensors"
    hashes = {
        path.name: hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        for path in (stats, weights)
    }
    return {"settings": settings, "hashes": hashes}


def make_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    first = next(iter(result["rows"].values()))
    ks = list(next(iter(first.values()))["pools"]["concept start"])
    columns = [(start, k) for start in STARTS for k in ks]
    header = ["", "seeds", "dev MRR", *(f"{start}, k = {k}" for start, k in columns)]
    rows = []
    for name, cells in result["rows"].items():
        shown = [_show([100 * c["dev"]["dev_mrr"] for c in cells.values()])]
        for start, k in columns:
            values = {s: c["pools"][start][k] for s, c in cells.items()}
            shown.append(
                _show(list(values.values()), _compare(values, first, start, k))
            )
        rows.append([name, str(len(cells)), *shown])
    return [
        *make_table(header, rows),
        "",
        f"Mean ± standard deviation over seeds; in brackets the difference to the "
        f"first row, over the seeds that both have. {result['setting']}; "
        f"`{result['command']}`, {result['machine']}.",
    ]


def _show(values: list[float], difference: float | None = None) -> str:
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    behind = "" if difference is None else f" ({difference:+.1f})"
    return f"{mean(values):.1f}{spread}{behind}"


def _compare(
    values: dict[str, float], first: dict[str, Any], start: str, k: str
) -> float | None:
    both = [seed for seed in values if seed in first]
    pairs = [values[seed] - first[seed]["pools"][start][k] for seed in both]
    return mean(pairs) if pairs and any(pairs) else None


def main(
    output: Path = typer.Option(
        ROOT / "benchmarks" / "results" / "recipe", help="Where the cells go."
    ),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
    seeds: str = typer.Option("0,1,2", help="Seeds of the training, with commas."),
    sentences: int = typer.Option(1000, help="Training sentences."),
    epochs: int = typer.Option(3, help="Epochs."),
    dev: int = typer.Option(250, help="Sentences of the dev part that are ranked."),
    rate: float = typer.Option(
        5e-4,
        help="Learning rate of the rows that name none: the default's is unstable "
        "in so few steps.",
    ),
    precision: str = typer.Option("bf16", help="What the encoders compute in."),
    threads: int = typer.Option(1, help="Threads of torch."),
    k: str = typer.Option("1,4,16", help="Mentions of each type."),
    n_sets: int = typer.Option(3, "--sets", help="Training sets for each k."),
    most: int = typer.Option(300, help="Sentences taken of each pool."),
    only: list[str] = typer.Option([], help="Names of rows; all, if not given."),
    table: bool = typer.Option(False, "--table", help="Make the table, train nothing."),
) -> None:
    """Compare recipes of pre-training."""
    torch.set_num_threads(threads)
    fixed = {
        "corpus.train.limit": sentences,
        "corpus.dev.limit": dev,
        "pretrain.max_epochs": epochs,
        RATE: rate,
        "pretrain.model.precision": precision,
        "system.n_threads": threads,
    }
    scale = {"k": k, "n_sets": n_sets, "most": most} | fixed
    start = describe_start()
    rows: dict[str, dict[str, Any]] = {}
    pools = Path(tempfile.mkdtemp())
    try:
        if not table:
            cut_pools(ROOT / "corpus" / "ner", pools, most=most)
        for seed in seeds.split(","):
            for name, overrides in VARIANTS.items():
                state = json.dumps([scale, overrides, start], sort_keys=True)
                digest = hashlib.sha256(state.encode()).hexdigest()[:12]
                path = output / f"{digest}-seed{seed}.json"
                if not path.exists() and not table and (not only or name in only):
                    msg.info(f"{name}, seed {seed}")
                    cell = run_cell(
                        overrides,
                        int(seed),
                        fixed=fixed,
                        pools=pools,
                        ks=k,
                        n_sets=n_sets,
                    )
                    record = {"name": name, "overrides": overrides, "scale": scale}
                    text = json.dumps(record | cell, indent=1) + "\n"
                    output.mkdir(parents=True, exist_ok=True)
                    beside = path.with_suffix(f".{os.getpid()}")
                    beside.write_text(text, encoding="utf8")
                    beside.replace(path)
                if path.exists():
                    cell = json.loads(path.read_text(encoding="utf8"))
                    rows.setdefault(name, {})[seed] = cell
    finally:
        shutil.rmtree(pools, ignore_errors=True)
    result = {
        "rows": {name: rows[name] for name in VARIANTS if name in rows},
        "setting": f"{sentences:,} sentences, {epochs} epochs, rate {rate:g} where "
        f"none is named, {precision}; pools of "
        f"at most {most:,} sentences each, {n_sets} training sets for each k, mean "
        "token macro F1",
        "command": read_command(),
        "machine": f"{platform.machine()}, {threads} thread, torch {torch.__version__}",
    }
    if docs is not None:
        put_block(docs, "recipe", make_lines(result))
    msg.good(f"Cells in {output}")


if __name__ == "__main__":
    typer.run(main)
