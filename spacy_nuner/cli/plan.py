"""`spacy-nuner plan`: annotated sentences -> what further ones are worth."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spacy_nuner.component.fewshot.learning_curve import Forecast
    from spacy_nuner.component.fewshot.planner import Curve


def plan(
    data: list[Path] = typer.Argument(
        ...,
        metavar="DATA...",
        help="Annotated sentences, as 'spacy-nuner fewshot' takes them.",
    ),
    labels: str | None = typer.Option(
        None,
        help='What the labels are called: "TOOL=tool,CAR=car model", or a YAML file.',
    ),
    encoder: Path = typer.Option(
        Path("encoders/sample"), help="Encoder folder made by 'spacy-nuner export'."
    ),
    times: str = typer.Option(
        "2,4,8", help="How many times the examples that there are."
    ),
    folds: int = typer.Option(5, min=2, help="Parts of the cross-validation."),
    repeats: int = typer.Option(
        5, min=2, help="Times that the sentences are dealt anew."
    ),
    lang: str | None = typer.Option(None, help="Language, for the tokeniser."),
    format: str | None = typer.Option(
        None, help="jsonl, label-studio, columns or docbin."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="JSON file with the curve and the forecast."
    ),
) -> None:
    """Say what F1 to expect with 2, 4, 8 times the examples.

    The data are learned in parts of an eighth, a quarter, half and all, with
    cross-validation; a curve through the four points is followed further. The intervals
    hold for examples like these: others can be worth more or less.
    """
    # Small products: threads of numpy's own would wait for each other. Read at import
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from spacy_nuner.cli.debug import read_part
    from spacy_nuner.cli.show import msg
    from spacy_nuner.component.fewshot.labels import read_labels
    from spacy_nuner.component.fewshot.planner import measure_curve, predict_growth
    from spacy_nuner.component.fewshot.train import read_config, train_pipeline
    from spacy_nuner.corpus.checks import count_labels
    from spacy_nuner.errors import Errors

    try:
        factors = [1.0, *_read_times(times)]
        config = read_config(None, encoder=encoder, lang=lang)
        part = read_part(data, config["nlp"]["lang"], format, collect=False)
        docs = part.aligned.docs
        counts = count_labels(docs)
        if not counts:
            paths = ", ".join(path.as_posix() for path in data)
            raise ValueError(Errors.N216.format(paths=paths, n=len(docs)))
        names = read_labels(labels, counts)
        nlp = train_pipeline(config, docs, names)
        curve = measure_curve(
            config, nlp, docs, names, n_folds=folds, n_repeats=repeats
        )
        found = predict_growth(curve, len(docs), factors)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    _show(curve, found, factors)
    if output is not None:
        content = {
            "n_sentences": len(docs),
            "measured": curve._asdict(),
            "forecast": [
                {"times": factor, **one._asdict()}
                for factor, one in zip(factors, found, strict=True)
            ],
        }
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf8")
        msg.good(f"{output}")


def _read_times(text: str) -> list[float]:
    from spacy_nuner.errors import Errors

    try:
        factors = [float(part) for part in text.split(",")]
    except ValueError:
        factors = []
    if not factors or min(factors) < 1:
        raise ValueError(Errors.N437.format(got=text))
    return factors


def _show(curve: "Curve", found: "list[Forecast]", factors: list[float]) -> None:
    from spacy_nuner.cli.show import msg, say

    def points(value: float) -> str:
        return f"{100 * value:.1f}"

    rows: list[tuple[Any, ...]] = []
    for size, runs in zip(curve.sizes, curve.runs, strict=True):
        low, high = min(runs), max(runs)
        mean = points(sum(runs) / len(runs))
        rows.append(
            (f"{size:.0f}", "measured", mean, f"{points(low)} to {points(high)}")
        )
    for factor, one in zip(factors, found, strict=True):
        told = "all of the data" if factor == 1 else f"{factor:g} × the data"
        between = f"{points(one.low)} to {points(one.high)}"
        rows.append((f"{one.n:.0f}", told, points(one.expected), between))
    header = ("sentences", "", "entity F1", "lowest to highest, or 95 %")
    msg.table(rows, header=header, divider=True, aligns=("r", "l", "r", "r"))
    now, then = found[0], found[1]
    gain = 100 * (then.expected - now.expected)
    say(f"{factors[1]:g} times the examples: {gain:+.1f} points to be expected.")
