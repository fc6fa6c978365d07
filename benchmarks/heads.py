"""Settings of the few-shot head, compared on the pools alone: the table in the docs.

Each pool is cut in two by a seed; k~2k training sets come from one half and the other
half is scored, by the code of `spacy-nuner evaluate`. No test file is opened.

    python benchmarks/heads.py --encoder encoders/sample --docs docs/component.md
"""

import json
import platform
import random
import tempfile
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import mean

import spacy
import typer
from spacy.tokens import DocBin
from wasabi import msg

from spacy_nuner.evaluate.frozen import read_config
from spacy_nuner.evaluate.plan import Grid, find_base, find_datasets, pick_systems
from spacy_nuner.evaluate.run import run_grid

ROOT = Path(__file__).parent.parent
START, END = "<!-- heads:start -->", "<!-- heads:end -->"
PULL, NONE_BIAS = "components.nuner.pull", "components.nuner.none_bias"
DECAY = "training.optimizer.L2"
# Name of the row, system, overrides of fewshot_frozen.cfg
VARIANTS: list[tuple[str, str, dict[str, float]]] = [
    ("zero start, no pull", "nuner", {PULL: 0.0}),
    ("zero start, no pull, decay 1e-3", "nuner", {PULL: 0.0, DECAY: 0.001}),
    ("zero start, pull 1", "nuner", {PULL: 1.0}),
    ("concept start, no pull", "nuner_concept_start", {PULL: 0.0, NONE_BIAS: 2.0}),
    ("concept start, pull 0.5", "nuner_concept_start", {PULL: 0.5, NONE_BIAS: 2.0}),
    ("concept start, pull 1", "nuner_concept_start", {PULL: 1.0, NONE_BIAS: 2.0}),
    ("the same, none bias 1", "nuner_concept_start", {PULL: 1.0, NONE_BIAS: 1.0}),
    ("the same, none bias 3", "nuner_concept_start", {PULL: 1.0, NONE_BIAS: 3.0}),
    ("the same, none bias 4", "nuner_concept_start", {PULL: 1.0, NONE_BIAS: 4.0}),
]


def cut_pool(dataset: Path, output: Path, *, most: int, seed: int) -> None:
    """Write a data set whose pool and test part are halves of a pool."""
    vocab = spacy.blank("en").vocab
    docs = list(DocBin().from_disk(dataset / "pool.spacy").get_docs(vocab))
    random.Random(seed).shuffle(docs)
    docs = docs[:most]
    half = len(docs) // 2
    output.mkdir(parents=True)
    for name, part in (("pool", docs[:half]), ("test", docs[half:])):
        DocBin(docs=part).to_disk(output / f"{name}.spacy")
    meta = json.loads((dataset / "meta.json").read_text(encoding="utf8"))
    meta |= {"n_pool": half, "n_test": len(docs) - half}
    (output / "meta.json").write_text(json.dumps(meta), encoding="utf8")


def read_scores(folder: Path) -> dict[int, float]:
    """RETURNS (dict[int, float]): Token macro F1 in points by k, mean of the sets."""
    by_set: dict[tuple[int, str], list[float]] = defaultdict(list)
    for path in folder.glob("*/*/k*/seed*.json"):
        cell = json.loads(path.read_text(encoding="utf8"))
        by_set[cell["k"], cell["dataset"]].append(100 * cell["token_macro_f1"])
    return {
        k: mean(mean(scores) for (n, _), scores in by_set.items() if n == k)
        for k in sorted({k for k, _ in by_set})
    }


def make_table(result: dict) -> str:
    """RETURNS (str): The Markdown block of the docs."""
    ks = result["k"]
    head = "| head | " + " | ".join(f"k = {k}" for k in ks) + " |"
    rows = [
        f"| {row['name']} | "
        + " | ".join(f"{row['scores'].get(str(k), float('nan')):.1f}" for k in ks)
        + " |"
        for row in result["rows"]
    ]
    note = (
        f"Pools of {', '.join(result['datasets'])} (at most {result['most']} sentences "
        f"each), {result['n_sets']} training sets; `python benchmarks/heads.py`, "
        f"{result['machine']}."
    )
    return "\n".join([START, head, "|---|" + "---:|" * len(ks), *rows, "", note, END])


def main(
    encoder: Path = typer.Option(ROOT / "encoders" / "sample", help="Encoder folder."),
    datasets: Path = typer.Option(ROOT / "corpus" / "ner", help="From 'convert'."),
    output: Path = typer.Option(
        ROOT / "reports" / "benchmarks" / "heads.json", help="Where the figures go."
    ),
    docs: Path | None = typer.Option(
        None, help=f"Markdown file whose block {START} gets the table."
    ),
    n_sets: int = typer.Option(3, "--sets", min=1, help="Training sets for each k."),
    most: int = typer.Option(1000, min=10, help="Sentences taken of each pool."),
) -> None:
    """Compare settings of the head on halves of the pools."""
    ks = [1, 4, 16]
    config_path = ROOT / "configs" / "sample" / "fewshot_frozen.cfg"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "ner"
        for dataset in find_datasets(datasets):
            cut_pool(dataset, cut / dataset.name, most=most, seed=0)
        for i, (name, system, overrides) in enumerate(VARIANTS):
            grid = Grid(
                config=read_config(config_path, overrides),
                encoders={"nuner": encoder, "base": find_base(encoder)},
                datasets=find_datasets(cut),
                labels_dir=ROOT / "assets" / "labels",
                output=Path(folder) / "metrics" / str(i),
                ks=ks,
                n_sets=n_sets,
                systems=pick_systems([system]),
                keep_features=True,
            )
            run_grid(grid)
            scores = {str(k): f1 for k, f1 in read_scores(grid.output).items()}
            rows.append({"name": name, "overrides": overrides, "scores": scores})
            msg.info(name, "  ".join(f"{f1:.1f}" for f1 in scores.values()))
        names = [path.name for path in find_datasets(cut)]
    result = {
        "k": ks,
        "n_sets": n_sets,
        "most": most,
        "datasets": names,
        "encoder": json.loads((encoder / "nuner.json").read_text(encoding="utf8")),
        "rows": rows,
        "machine": f"{platform.machine()}, spaCy {version('spacy')}",
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    if docs is not None:
        text = docs.read_text(encoding="utf8")
        before, after = text.split(START)[0], text.split(END)[1]
        docs.write_text(before + make_table(result) + after, encoding="utf8")
    msg.good(f"Figures in {output}")


if __name__ == "__main__":
    typer.run(main)
