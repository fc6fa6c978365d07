"""Make a smaller base encoder for the ablation of model size: lower layers alone."""

from pathlib import Path

import typer
from wasabi import msg

from spacy_nuner.hf.cut import cut_encoder


def main(
    encoder: Path = typer.Argument(..., help="Encoder folder."),
    output: Path = typer.Argument(..., help="Folder to make."),
    layers: int = typer.Option(..., min=1, help="How many layers to keep."),
) -> None:
    """Write the lower layers of ENCODER to OUTPUT; nothing if it is there already."""
    if (output / "config.json").is_file():
        msg.good(f"{output} is there already.")
        return
    try:
        cut_encoder(encoder, output, layers)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    msg.good(f"{output} has {layers} layers.")


if __name__ == "__main__":
    typer.run(main)
