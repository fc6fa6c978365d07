"""`spacy-nuner score`: gold and predictions of any system -> all metrics."""

from pathlib import Path
from typing import Any

import typer


def score(
    gold: Path = typer.Argument(
        ...,
        help="Data set folder (corpus/ner/<dataset>: its test set), .spacy, .jsonl.",
    ),
    predicted: Path = typer.Argument(
        ..., help=".spacy or .jsonl with the same texts, or the .npz of a cell."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="JSON file for all figures."
    ),
    subtokens: Path | None = typer.Option(
        None, help="Encoder folder; adds the token macro F1 over its sub-tokens."
    ),
    lang: str = typer.Option("en", help="Language of the words of a .jsonl gold file."),
    resamples: int = typer.Option(
        2000, min=100, help="Bootstrap samples of sentences."
    ),
    seed: int = typer.Option(0, help="Seed of the bootstrap."),
) -> None:
    """Judge any system's predictions by the one evaluator: all metrics, with intervals.

    A line of JSONL has "text" and "spans" ("start", "end", "label"); with "episode",
    Few-NERD's figures are computed over the stretches of equal episodes.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.evaluate.cells import check_target, write_json
    from spacy_nuner.evaluate.pairs import read_pair
    from spacy_nuner.evaluate.scoring import score_pair
    from spacy_nuner.evaluate.subtokens import count_subtokens, load_subtokens

    try:
        if output is not None:
            check_target(output)
        pair = read_pair(gold, predicted, lang=lang)
        weights = None
        if subtokens is not None and pair.folder is not None:
            weights = load_subtokens(pair.folder, subtokens, pair.gold)
        elif subtokens is not None:
            weights = count_subtokens(subtokens, pair.gold)
        result = score_pair(pair, weights=weights, n_resamples=resamples, seed=seed)
        if output is not None:
            write_json(output, result)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    rows = [
        (name, _points(result[name]), f"{_points(low)} to {_points(high)}")
        for name, (low, high) in result["intervals"].items()
    ]
    for name in ("episode_mean_f1", "episode_pooled_f1", "episode_published_f1"):
        if "episodes" in result:
            rows.append((name, _points(result["episodes"][name]), ""))
    msg.table(rows, header=("metric", "F1", "95 % by sentences"), divider=True)
    types = [
        (label, *_per_type(figures)) for label, figures in result["per_type"].items()
    ]
    header = ("type", "gold", "token F1", "P", "R", "entity F1", "text F1")
    msg.table(types, header=header, divider=True)
    mistakes = result["mistakes"]
    msg.table([tuple(mistakes.values())], header=tuple(mistakes), divider=True)
    if result["n_moved"] or result["n_dropped"]:
        msg.warn(
            f"{result['n_moved']} predicted entities had an edge within a word, which "
            f"was moved to the word's edge; {result['n_dropped']} were left out"
        )
    if output is not None:
        msg.good(f"{output}: all figures, with the tables of confusion")


def _points(value: float) -> str:
    return f"{100 * value:.1f}"


def _per_type(figures: dict[str, Any]) -> tuple[str, ...]:
    names = ("token_f1", "entity_p", "entity_r", "entity_f1", "text_f1")
    return (str(figures["n_gold"]), *(_points(figures[name]) for name in names))
