"""`spacy-nuner pretrain`: concept corpus -> checkpoints."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from wasabi import msg

HELP_RESTART = "Delete the checkpoints that are there and start anew."


def pretrain(
    ctx: typer.Context,
    config: Path = typer.Argument(
        ..., help="Config of the pre-training.", exists=True, dir_okay=False
    ),
    output: Path = typer.Option(
        Path("training/pretrain"),
        "--output",
        "-o",
        help="Folder for the checkpoints 'last' and 'best' and for log.jsonl.",
    ),
    restart: bool = typer.Option(False, "--restart", help=HELP_RESTART),
) -> None:
    """Train text and concept encoder on a concept corpus.

    Stop it with Ctrl-C at any moment: the same command goes on where it stopped. Each
    setting of the config can be changed here, e.g. --paths.encoder my_encoder
    --pretrain.max_epochs 3.
    """
    from spacy.cli._util import parse_config_overrides
    from transformers.utils import logging as transformers_logging

    from ..pretrain.run import pretrain as run_pretraining
    from ..pretrain.settings import load_settings

    # The base encoder's pooling layer is left out on purpose: no warning about it
    transformers_logging.set_verbosity_error()
    try:
        settings = load_settings(config, parse_config_overrides(ctx.args))
        with stop_on_interrupt() as should_stop:
            outcome = run_pretraining(
                settings, output, restart=restart, should_stop=should_stop
            )
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    done = f"{outcome.step} of {outcome.total_steps} steps"
    if outcome.status == "nothing to do":
        msg.good(f"Finished before ({done}): nothing to do", str(output))
    elif outcome.status == "stopped":
        msg.warn(f"Stopped after {done}", "The same command goes on from here.")
        raise typer.Exit(130)
    else:
        msg.good(f"Finished ({done})", f"Best checkpoint: {output / 'best'}")


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a wish to stop after the step; the second one stops.

    YIELDS (Callable[[], bool]): Whether a stop was wished for.
    """
    wishes: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if wishes:
            raise KeyboardInterrupt
        wishes.append(number)

    previous = {
        number: signal.signal(number, remember)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(wishes)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
