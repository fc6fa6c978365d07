"""`spacy-nuner pretrain`: concept corpus -> checkpoints."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from spacy_nuner.cli.show import msg

HELP_RESTART = (
    "Start anew. The checkpoints that are there are deleted when all is ready for it."
)


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
    --pretrain.max_epochs 3. With many processes: torchrun --nproc-per-node 4 -m
    spacy_nuner pretrain ...
    """
    from spacy.cli._util import parse_config_overrides
    from transformers.utils import logging as transformers_logging

    from ..pretrain.run import pretrain as run_pretraining
    from ..pretrain.settings import load_settings

    if not is_first():
        logging.getLogger("spacy_nuner").setLevel(logging.ERROR)
    # The base encoder's pooling layer is left out on purpose: no warning about it
    transformers_logging.set_verbosity_error()
    try:
        settings = load_settings(config, parse_config_overrides(ctx.args))
        with stop_on_interrupt() as should_stop:
            outcome = run_pretraining(
                settings, output, restart=restart, should_stop=should_stop
            )
    except (ValueError, OSError, MemoryError) as error:
        msg.fail(str(error))
        if os.environ.get("WORLD_SIZE", "1") != "1":
            # Threads that wait for a lost process would keep this one from ending, and
            # others with it
            sys.stdout.flush()
            os._exit(1)
        raise typer.Exit(1) from None
    if not is_first():
        raise typer.Exit(130 if outcome.status == "stopped" else 0)
    done = f"{outcome.step} of {outcome.total_steps} steps"
    if outcome.status == "nothing to do":
        msg.good(f"Finished before ({done}): nothing to do", str(output))
    elif outcome.status == "stopped":
        msg.warn(f"Stopped after {done}", "The same command goes on from here.")
        raise typer.Exit(130)
    elif outcome.status == "no gain":
        best_by = settings["pretrain"]["best_by"]
        msg.good(
            f"Finished early ({done}): no more gain in {best_by}",
            f"Best checkpoint: {output / 'best'}",
        )
    else:
        msg.good(f"Finished ({done})", f"Best checkpoint: {output / 'best'}")


def is_first() -> bool:
    """Tell whether this process speaks for the run: torchrun may have started many.

    RETURNS (bool): Whether it is the only one, or the first.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    return size == 1 or os.environ.get("RANK", "0") == "0"


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
