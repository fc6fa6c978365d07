"""`spacy-nuner others`: GLiNER and SpanMarker -> cells, by the same evaluator."""

import sys
from pathlib import Path

import typer


def others(
    system: str = typer.Argument(..., help="gliner or span_marker."),
    model: Path = typer.Option(
        ...,
        help="Folder of its model. With --k: of the encoder that SpanMarker is trained "
        "from.",
    ),
    python: Path = typer.Option(
        Path(sys.executable),
        help="Python of an environment that has the package; span_marker does not "
        "stand beside our version of transformers.",
    ),
    name: str = typer.Option("", help="Row of the report. Default: the system."),
    datasets_dir: Path = typer.Option(
        Path("corpus/ner"), help="Folder of the data sets, from 'convert'."
    ),
    dataset: list[str] = typer.Option(
        [], help="Data set; repeat for several. Default: all that are found."
    ),
    labels_dir: Path = typer.Option(
        Path("assets/labels"), help="Labels in plain words: <dataset>.yml."
    ),
    output: Path = typer.Option(
        Path("metrics/others"), "--output", "-o", help="Folder of the cells."
    ),
    k: str = typer.Option(
        "", help="SpanMarker: train on k~2k sets of these k, like 1,8. Default: as is."
    ),
    sets: int = typer.Option(3, min=1, help="With --k: training sets for each k."),
    epochs: int = typer.Option(10, min=1, help="With --k: epochs."),
    threshold: float = typer.Option(
        0.5, min=0, max=1, help="GLiNER: how sure an entity must be."
    ),
    batch_size: int = typer.Option(8, min=1, help="Texts at once."),
) -> None:
    """Score GLiNER or SpanMarker on the test sets, as a row beside ours.

    GLiNER is asked for the labels by their names in plain words, without training.
    SpanMarker finds the labels that its model was trained with; with --k it is trained
    on the sets that our systems learn from. Finished cells are skipped. Only folders on
    this machine are read; nothing is downloaded.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.evaluate.others.run import Setup, run_others
    from spacy_nuner.evaluate.plan import find_datasets, read_ks

    try:
        setup = Setup(
            system=system.replace("-", "_"),
            model=model,
            output=output,
            labels_dir=labels_dir,
            python=python,
            name=name,
            ks=read_ks(k) if k else (),
            n_sets=sets,
            threshold=threshold,
            batch_size=batch_size,
            n_epochs=epochs,
        )
        result = run_others(setup, find_datasets(datasets_dir, dataset))
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    for warning in result.warnings:
        msg.warn(warning)
    msg.good(
        f"{output}: {result.n_computed} cells computed, "
        f"{result.n_skipped} were finished already"
    )
