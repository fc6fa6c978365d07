"""`spacy-nuner calibrate`: encoder + concept corpus -> thresholds for zero-shot."""

from pathlib import Path

import typer

N_SHOWN = 10


def calibrate(
    encoder: Path = typer.Argument(
        help="Encoder folder made by 'spacy-nuner export', with its concept encoder. "
        "It gets the file calibration.safetensors."
    ),
    corpus_dir: Path = typer.Argument(
        help="Concept corpus made by 'spacy-nuner corpus': DocBin files in train/ and "
        "dev/."
    ),
    output: Path = typer.Option(
        Path("metrics/calibration.json"),
        "--output",
        "-o",
        help="What was measured, for people and the report.",
    ),
) -> None:
    """Set an encoder's thresholds on the concept corpus, for labels never seen.

    The scalar product of a token with a label's name says how near they are, not
    whether the token is of the label. From which value on it is, is measured on the
    dev part of the corpus: one threshold for all concepts, one for each that is
    frequent enough, and a scale that turns the distance to it into a probability. A
    label that is near such a concept takes its threshold, any other that of all.

    Also measured: how tokens of one concept differ (on the train part), which
    few-shot heads use, and how often O, B and I follow each other.

    No annotated data are used. Run it again after each 'export'; pipelines that are
    made later use it by themselves: nlp.get_pipe("nuner").set_labels([...]).
    """
    import srsly

    from spacy_nuner.cli.show import msg
    from spacy_nuner.component.calibrate import calibrate as measure
    from spacy_nuner.component.calibration import FILE_NAME, summarize

    try:
        summary = summarize(measure(encoder, corpus_dir))
        output.parent.mkdir(parents=True, exist_ok=True)
        beside = output.with_name(output.name + ".tmp")
        srsly.write_json(beside, summary)
        beside.replace(output)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    rows = [
        (row["concept"], f"{row['n']:,}", f"{row['threshold']:.2f}")
        for row in summary["concepts"][:N_SHOWN]
    ]
    if rows:
        header = ("concept", "mentions in dev", "threshold")
        msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
    msg.good(
        f"{encoder / FILE_NAME}: threshold {summary['threshold']:.2f} for all labels, "
        f"{summary['n_concepts']:,} concepts with their own; scale "
        f"{summary['scale']:.2f}",
        f"The figures are in {output}.",
    )
