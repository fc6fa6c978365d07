"""`spacy-nuner export`: checkpoint -> encoder folder."""

from pathlib import Path

import typer

from spacy_nuner.cli.show import msg


def export(
    checkpoint: Path = typer.Argument(
        ..., help="Checkpoint folder, e.g. training/pretrain/best.", file_okay=False
    ),
    output: Path = typer.Argument(
        ..., help="Encoder folder to write, e.g. encoders/sample.", file_okay=False
    ),
    base: str | None = typer.Option(
        None, "--base", help="Base encoder, if it is no longer where the config has it."
    ),
    concept_base: str | None = typer.Option(
        None,
        "--concept-base",
        help="The same for the concept encoder, if it started from another base.",
    ),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Replace an encoder folder that is there."
    ),
) -> None:
    """Write the encoders of a checkpoint as plain Hugging Face folders.

    Both are loaded again with transformers and compared before this says it is done.
    """
    from transformers.utils import logging as transformers_logging

    from ..pretrain.export import export_encoder

    # The base encoder's pooling layer is left out on purpose: no warning about it
    transformers_logging.set_verbosity_error()
    try:
        done = export_encoder(
            checkpoint,
            output,
            base=base,
            concept_base=concept_base,
            overwrite=overwrite,
        )
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    msg.good(
        f"Encoder of step {done.step} written to {done.path}",
        f"Reloaded with transformers: outputs differ by {done.max_difference:.1e}.",
    )
