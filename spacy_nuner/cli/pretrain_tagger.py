"""`spacy-nuner pretrain-tagger`: NER data -> an encoder made NER-BERT's way."""

from pathlib import Path

import typer

from spacy_nuner.cli.pretrain import HELP_RESTART, stop_on_interrupt
from spacy_nuner.cli.show import msg


def pretrain_tagger(
    ctx: typer.Context,
    config: Path = typer.Argument(
        ..., help="Config of the training: pretrain_ner.cfg.", exists=True
    ),
    output: Path = typer.Option(
        Path("training/pretrain_ner"),
        "--output",
        "-o",
        help="Folder for the checkpoints 'last' and 'best' and for log.jsonl.",
    ),
    encoder: Path = typer.Option(
        Path("encoders/ner_bert"),
        "--encoder",
        help="Encoder folder to write when the training is finished.",
    ),
    restart: bool = typer.Option(False, "--restart", help=HELP_RESTART),
) -> None:
    """Train a base encoder as a token classifier, to be compared with NuNER.

    That is how NER-BERT was made (Section 4.1 of the paper): on annotations with a
    fixed set of labels, the bottom half frozen. The pool of one data set of
    'spacy-nuner convert' is trained on; the classifier is thrown away. Stop it with
    Ctrl-C at any moment: the same command goes on where it stopped. Settings of the
    config can be changed here: --paths.corpus corpus/ner/my_set.
    """
    from spacy.cli._util import parse_config_overrides
    from transformers.utils import logging as transformers_logging

    from ..pretrain.tagging.export import export_tagger, is_exported
    from ..pretrain.tagging.run import pretrain_tagger as run_tagger
    from ..pretrain.tagging.settings import load_tagging_settings

    # The base encoder's pooling layer is left out on purpose: no warning about it
    transformers_logging.set_verbosity_error()
    try:
        settings = load_tagging_settings(config, parse_config_overrides(ctx.args))
        with stop_on_interrupt() as should_stop:
            done = run_tagger(
                settings, output, restart=restart, should_stop=should_stop
            )
        steps = f"{done.step} of {done.total_steps} steps"
        if done.status == "stopped":
            msg.warn(f"Stopped after {steps}", "The same command goes on from here.")
            raise typer.Exit(130)
        if is_exported(output / "best", encoder):
            msg.good(f"Finished before ({steps}): nothing to do", str(encoder))
            return
        base = settings.interpolate()["paths"]["encoder"]
        exported = export_tagger(output / "best", encoder, base=base, overwrite=True)
    except (ValueError, OSError, MemoryError) as error:
        msg.fail(str(error), exits=1)
    msg.good(
        f"Finished ({steps}); encoder of step {exported.step} written to {encoder}",
        f"Reloaded with transformers: outputs differ by {exported.max_difference:.1e}.",
    )
