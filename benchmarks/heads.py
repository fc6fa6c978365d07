"""Settings of the few-shot head, compared on the pools alone: the table in the docs.

No test file is opened (`benchmarks/pools.py`).

    python benchmarks/heads.py --encoder encoders/sample --docs docs/component.md
"""

import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import srsly
import typer
from common import make_table, put_block
from pools import (
    CONCEPT,
    LABELS,
    RANDOM,
    ROOT,
    Scores,
    compare,
    cut_pools,
    read_scores,
    score_pools,
)
from wasabi import msg

NUNER, MODEL = "components.nuner", "components.transformer.model"
BEGIN = "initialize.components.nuner"
FIRST = {f"{MODEL}.pooling": "first"}
# Name of the row, system, overrides of fewshot_frozen.cfg; the first row is the default
VARIANTS: list[tuple[str, str, dict[str, Any]]] = [
    ("default", CONCEPT, {}),
    ("random start", RANDOM, {}),
    (NAMES_ONLY := "start from names without definitions", CONCEPT, {}),
    ("no pull", CONCEPT, {f"{NUNER}.pull": 0.0}),
    ("pull 0.7", CONCEPT, {f"{NUNER}.pull": 0.7}),
    ("pull 1.4", CONCEPT, {f"{NUNER}.pull": 1.4}),
    ("none bias 0.5", CONCEPT, {f"{NUNER}.none_bias": 0.5}),
    ("none bias 2.5", CONCEPT, {f"{NUNER}.none_bias": 2.5}),
    (
        "threshold of None by cross-validation",
        CONCEPT,
        {f"{NUNER}.none_threshold": "cross_validation"},
    ),
    ("no class weights", CONCEPT, {f"{NUNER}.class_weight": 0.0}),
    ("balanced classes", CONCEPT, {f"{NUNER}.class_weight": 1.0}),
    ("token alone, no neighbours", CONCEPT, {f"{NUNER}.model.window": 0}),
    ("neighbours at full weight", CONCEPT, {f"{NUNER}.model.neighbour_weight": 1.0}),
    ("io tags", CONCEPT, {f"{NUNER}.tagging": "io"}),
    ("order of tags: validity only", CONCEPT, {f"{NUNER}.transition_weight": 0.0}),
    ("order of tags at full weight", CONCEPT, {f"{NUNER}.transition_weight": 1.0}),
    ("no whitening", CONCEPT, {f"{BEGIN}.whiten": False}),
    ("last layer alone, no whitening", CONCEPT, {f"{MODEL}.layers": [-1]}),
    ("first sub-token, no whitening", CONCEPT, FIRST),
    ("two layers", CONCEPT, {f"{NUNER}.model.hidden_width": 384}),
]
SCORES = {"token_macro_f1": "token macro F1", "entity_micro_f1": "entity micro F1"}


def keep_names(labels_dir: Path, output: Path) -> Path:
    """RETURNS (Path): A folder of label files without the definitions."""
    output.mkdir()
    for path in labels_dir.glob("*.yml"):
        entries = srsly.read_yaml(path)
        names = {k: v["name"] for k, v in entries.items() if "name" in v}
        srsly.write_yaml(output / path.name, names)
    return output


def make_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    lines: list[str] = []
    ks = [str(k) for k in result["k"]]
    for score, title in SCORES.items():
        rows = []
        for row in result["rows"]:
            cells = [row["scores"][score][k] for k in ks]
            texts = [
                f"{c['mean']:.1f} ({c['difference']:+.1f} ± {c['standard_error']:.1f})"
                if row is not result["rows"][0]
                else f"**{c['mean']:.1f}**"
                for c in cells
            ]
            rows.append([row["name"], *texts])
        lines += make_table([title, *(f"k = {k}" for k in ks)], rows)
        lines.append("")
    lines.append(
        f"Pools of {', '.join(result['datasets'])} (at most {result['most']} sentences "
        f"each), {result['n_sets']} training sets for each k; encoder of "
        f"{result['encoder']['step']} steps; `{result['command']}`, "
        f"{result['machine']}."
    )
    return lines


def main(
    encoder: Path = typer.Option(ROOT / "encoders" / "sample", help="Encoder folder."),
    datasets: Path = typer.Option(ROOT / "corpus" / "ner", help="From 'convert'."),
    output: Path = typer.Option(
        ROOT / "reports" / "benchmarks" / "heads.json", help="Where the figures go."
    ),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
    k: str = typer.Option("1,4,16,64", help="Mentions of each type."),
    n_sets: int = typer.Option(3, "--sets", min=1, help="Training sets for each k."),
    most: int = typer.Option(1000, min=10, help="Sentences taken of each pool."),
) -> None:
    """Compare settings of the head on halves of the pools."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        cut = cut_pools(datasets, Path(folder) / "ner", most=most)
        names_only = keep_names(LABELS, Path(folder) / "labels")
        defaults: dict[str, Scores] = {}
        for i, (name, system, overrides) in enumerate(VARIANTS):
            cells = score_pools(
                encoder,
                cut,
                Path(folder) / "metrics" / str(i),
                system=system,
                ks=k,
                n_sets=n_sets,
                overrides=overrides,
                labels=names_only if name == NAMES_ONLY else LABELS,
            )
            scores: dict[str, Any] = {}
            for score in SCORES:
                found = read_scores(cells, score)
                default = defaults.setdefault(score, found)
                reached = sorted({k for k, _, _ in found})
                scores[score] = {str(k): compare(found, default, k) for k in reached}
            rows.append({"name": name, "overrides": overrides, "scores": scores})
            means = [f"{c['mean']:.1f}" for c in scores["token_macro_f1"].values()]
            msg.info(name, "  ".join(means))
        names = sorted(path.name for path in cut.iterdir())
    result = {
        "k": [int(k) for k in rows[0]["scores"]["token_macro_f1"]],
        "n_sets": n_sets,
        "most": most,
        "datasets": names,
        "encoder": json.loads((encoder / "nuner.json").read_text(encoding="utf8")),
        "rows": rows,
        "command": f"python benchmarks/heads.py --k {k} --sets {n_sets} --most {most}",
        "machine": f"{platform.machine()}, spaCy {version('spacy')}",
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    if docs is not None:
        put_block(docs, "heads", make_lines(result))
    msg.good(f"Figures in {output}")


if __name__ == "__main__":
    typer.run(main)
