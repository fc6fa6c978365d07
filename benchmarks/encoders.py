"""Two encoders beside each other on halves of the pools, paired over training sets.

python benchmarks/encoders.py BEFORE AFTER --docs docs/pretraining.md
python benchmarks/encoders.py DEFAULT OTHER --docs docs/pretraining.md --block rate
"""

import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy
import typer
from common import put_block
from pools import (
    CONCEPT,
    RANDOM,
    ROOT,
    Scores,
    average,
    cut_pools,
    read_scores,
    score_pools,
)
from wasabi import msg

STARTS = {"concept start": CONCEPT, "random start": RANDOM}
N_DRAWS = 10_000


def compare(before: Scores, after: Scores, k: int) -> dict[str, float]:
    """Compare the means over data sets, drawing training sets with replacement.

    before (Scores): Scores of the first encoder.
    after (Scores): Those of the second, of the same training sets.
    k (int): Mentions of each type.
    RETURNS (dict[str, float]): Both means, the difference and its 95 % interval.
    """
    rng = numpy.random.default_rng(0)
    drawn = []
    for dataset in sorted({name for n, name, _ in after if n == k}):
        keys = [key for key in after if key[:2] == (k, dataset)]
        pairs = numpy.asarray([after[key] - before[key] for key in keys])  # (n_sets,)
        chosen = rng.integers(len(pairs), size=(N_DRAWS, len(pairs)))
        drawn.append(pairs[chosen].mean(axis=1))  # (n_draws,)
    low, high = numpy.percentile(numpy.mean(drawn, axis=0), [2.5, 97.5])
    means = average(before, k), average(after, k)
    return {
        "before": means[0],
        "after": means[1],
        "difference": means[1] - means[0],
        "low": float(low),
        "high": float(high),
    }


def make_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    lines = [
        "| head | k | before | after | difference | 95 % interval |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for start, rows in result["rows"].items():
        for k, row in rows.items():
            lines.append(
                f"| {start} | {k} | {row['before']:.1f} | {row['after']:.1f} | "
                f"{row['difference']:+.1f} | {row['low']:+.1f} … {row['high']:+.1f} |"
            )
    return [
        *lines,
        "",
        "Mean token macro F1 on halves of the pools of "
        f"{', '.join(result['datasets'])} (at most {result['most']:,} sentences "
        f"each), paired over {result['n_sets']} training sets for each k. "
        f"Before: {result['names'][0]}; after: {result['names'][1]}. "
        f"`{result['command']}`, {result['machine']}.",
    ]


def describe(encoder: Path) -> str:
    """RETURNS (str): The settings of an encoder that are worth a word."""
    record = json.loads((encoder / "nuner.json").read_text(encoding="utf8"))
    settings = record["settings"]
    rate = settings["pretrain.optimizer.learn_rate.initial_rate"]
    return (
        f"rate {rate:g}, {record['n_frozen_layers']} of {record['n_layers']} layers "
        f"frozen, {settings['pretrain.max_epochs']} epochs, "
        f"{settings['pretrain.model.precision']}"
    )


def main(
    before: Path = typer.Argument(..., help="Encoder folder."),
    after: Path = typer.Argument(..., help="Encoder folder."),
    output: Path = typer.Option(
        ROOT / "reports" / "benchmarks" / "encoders.json", help="Where the figures go."
    ),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
    block: str = typer.Option("encoders", help="Which block of it."),
    k: str = typer.Option("1,4,16,64", help="Mentions of each type."),
    n_sets: int = typer.Option(10, "--sets", min=2, help="Training sets for each k."),
    most: int = typer.Option(2000, min=10, help="Sentences taken of each pool."),
) -> None:
    """Compare two encoders by few-shot heads on halves of the pools."""
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        pools = cut_pools(ROOT / "corpus" / "ner", Path(folder) / "ner", most=most)
        for start, system in STARTS.items():
            found = []
            for name, encoder in (("before", before), ("after", after)):
                cells = Path(folder) / name / system
                score_pools(encoder, pools, cells, system=system, ks=k, n_sets=n_sets)
                found.append(read_scores(cells, "token_macro_f1"))
            reached = sorted({n for n, _, _ in found[1]})
            rows[start] = {str(n): compare(found[0], found[1], n) for n in reached}
            for n, row in rows[start].items():
                msg.info(f"{start}, k = {n}: {row['difference']:+.2f}")
        datasets = sorted(path.name for path in pools.iterdir())
    result = {
        "rows": rows,
        "datasets": datasets,
        "n_sets": n_sets,
        "most": most,
        "names": [describe(before), describe(after)],
        "command": f"python benchmarks/encoders.py BEFORE AFTER --k {k} "
        f"--sets {n_sets} --most {most}",
        "machine": f"{platform.machine()}, spaCy {version('spacy')}",
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    if docs is not None:
        put_block(docs, block, make_lines(result))
    msg.good(f"Figures in {output}")


if __name__ == "__main__":
    typer.run(main)
