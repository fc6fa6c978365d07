"""`spacy-nuner teach`: concept corpus + encoder -> a pipeline with everyday labels."""

from pathlib import Path

import typer


def teach(
    ctx: typer.Context,
    config: Path = typer.Argument(
        help="Config of the pipeline with a section [teach], such as "
        "configs/sample/en_nuner.cfg."
    ),
    corpus_dir: Path = typer.Argument(
        help="Concept corpus made by 'spacy-nuner corpus': DocBin files in train/ and "
        "dev/."
    ),
    encoder: Path = typer.Argument(
        help="Encoder folder made by 'spacy-nuner export', with its concept encoder."
    ),
    output: Path = typer.Argument(
        help="Folder of the pipeline, for 'spacy.load' and 'spacy package'. An older "
        "one is replaced when the new one is complete."
    ),
) -> None:
    """Teach a pipeline everyday labels from the concept corpus alone.

    The file of labels says which concepts make up a label (company, bank, university:
    ORGANIZATION). Nothing else is needed: no annotated data, no LLM. The pipeline is
    scored on the dev part of the corpus, against the same concepts.

    Settings of the config can be overridden: --teach.n_epochs 5
    """
    from spacy.cli._util import parse_config_overrides

    from spacy_nuner.cli.show import msg
    from spacy_nuner.component.teach import teach as teach_pipeline

    overrides = parse_config_overrides(ctx.args, env_var=None)
    try:
        metrics = teach_pipeline(
            config, corpus_dir, encoder, output, overrides=overrides
        )
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    rows = [
        (label, row["n_train"], row["n_dev"], f"{100 * row.get('f', 0):.1f}")
        for label, row in metrics["labels"].items()
    ]
    msg.table(rows, header=("label", "train", "dev", "F1"), divider=True)
    msg.good(f"Pipeline in {output}: entity F1 {100 * (metrics['ents_f'] or 0):.1f}")
