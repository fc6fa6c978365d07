"""Memory of a whole pre-training run, in a process of its own (Linux).

    python benchmarks/pretrain_memory.py ours configs/sample/pretrain.cfg

From reading the corpus to the last checkpoint. Prints JSON.
"""

import json
import tempfile
import threading
from pathlib import Path

import torch
import typer
from transformers.utils import logging as transformers_logging

STATUS = Path("/proc/self/status")
# Seconds from one look to the next
EVERY = 0.02
GIB = 2**20


def main(
    system: str = typer.Argument(..., help="'ours' or 'plain'."),
    config: Path = typer.Argument(..., help="Config of the pre-training."),
    steps: int = typer.Option(30, min=1),
    threads: int = typer.Option(0, min=0),
    precision: str = typer.Option("fp32"),
) -> None:
    """Run some steps and look at the memory."""
    transformers_logging.set_verbosity_error()
    if threads:
        torch.set_num_threads(threads)
    with Watch() as watch:
        run = run_ours if system == "ours" else run_plain
        run(config, steps, precision)
    print(json.dumps({"peak_gib": read("VmHWM"), "peak_anonymous_gib": watch.most}))


def run_ours(config: Path, steps: int, precision: str) -> None:
    """Do what `spacy-nuner pretrain` does."""
    from loops import PAPER

    from spacy_nuner.pretrain.run import pretrain
    from spacy_nuner.pretrain.settings import load_settings

    changes = {"pretrain.model.precision": precision, "pretrain.max_steps": steps}
    settings = load_settings(config, PAPER | changes)
    with tempfile.TemporaryDirectory() as folder:
        pretrain(settings, Path(folder))


def run_plain(config: Path, steps: int, precision: str) -> None:
    """Read the corpus and run the plain loop."""
    from loops import read_config
    from plain_loop import PlainLoop, read_sentences

    settings = read_config(config, precision, total_steps=steps)
    sentences = read_sentences(Path(settings["paths"]["train"]))
    loop = PlainLoop(settings["pretrain"])
    size = settings["pretrain"]["batch_size"]
    for start in range(0, steps * size, size):
        loop.step(sentences[start : start + size])


class Watch:
    """Remembers the most anonymous memory that was seen.

    Pages of memory-mapped files count in the peak too, but the system takes them back
    when it needs the room.
    """

    def __init__(self) -> None:
        self.most = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(EVERY):
            self.most = max(self.most, read("RssAnon"))


def read(name: str) -> float:
    """RETURNS (float): A figure of this process's status, in GiB."""
    lines = STATUS.read_text("utf8").splitlines()
    found = next(line for line in lines if line.startswith(f"{name}:"))
    return round(int(found.split()[1]) / GIB, 3)


if __name__ == "__main__":
    typer.run(main)
