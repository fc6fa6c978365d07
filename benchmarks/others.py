"""GLiNER and SpanMarker with random weights on a given encoder, each in a process.

Such packages do not always stand beside the versions that we pin, so each may be run by
the Python of another environment. The process reads a line and answers with a line of
JSON; what the packages print goes to stderr. No package of ours is imported here.

    python benchmarks/others.py gliner spec.json
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Run = Callable[[list[str]], Any]
BATCH = 32


def make_gliner(spec: dict[str, Any]) -> Run:
    """GLiNER as its configuration makes it.

    A span must be surer than a random model can be, so that there is nothing to decode:
    the best case for GLiNER.
    """
    from gliner import GLiNER

    model = GLiNER.from_config({"model_name": spec["encoder"], "max_len": 384})
    labels = spec["labels"]

    def run(texts: list[str]) -> Any:
        return model.inference(texts, labels, batch_size=BATCH, threshold=0.9999)

    return run


def make_span_marker(spec: dict[str, Any]) -> Run:
    """SpanMarker as its defaults make it."""
    from span_marker import SpanMarkerModel

    model = SpanMarkerModel.from_pretrained(
        spec["encoder"], labels=["O", *spec["labels"]]
    )
    return lambda texts: model.predict(texts, batch_size=BATCH)


MAKERS = {"gliner": make_gliner, "span_marker": make_span_marker}


class Other:
    """A package in a process of its own, which waits until it is asked to run."""

    def __init__(self, package: str, python: Path, spec: dict[str, Any]) -> None:
        """Start the process.

        package (str): "gliner" or "span_marker".
        python (Path): Python of the environment that has the package.
        spec (dict[str, Any]): "encoder", "texts", "labels", "threads", "clock".
        """
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "spec.json"
        file.write_text(json.dumps(spec), encoding="utf8")
        threads = str(spec["threads"])
        self._errors = (Path(self._folder.name) / "stderr").open("w+")
        self._process = subprocess.Popen(
            [python, __file__, package, file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"},
        )
        answer = self._read()
        self.version: str | None = answer["version"]

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"The process ended: {self._errors.read()[-2000:]}")
        return json.loads(line)

    def time(self) -> float:
        """RETURNS (float): Seconds that the package takes for all texts."""
        if self._process.stdin is not None:
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        return float(self._read()["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()
        self._folder.cleanup()


def serve(package: str, file: Path) -> None:
    """Make a model and run it once for each line that comes in.

    package (str): One of MAKERS.
    file (Path): JSON with what it is made from.
    """
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value: dict[str, Any]) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    try:
        number = version(package)
    except PackageNotFoundError:
        answer({"version": None})
        return
    spec = json.loads(file.read_text(encoding="utf8"))
    import torch

    torch.set_num_threads(spec["threads"])
    run = MAKERS[package](spec)
    run(spec["texts"][:BATCH])
    answer({"version": number})
    now = time.process_time if spec["clock"] == "cpu" else time.perf_counter
    for _ in sys.stdin:
        start = now()
        run(spec["texts"])
        answer({"seconds": now() - start})


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
