"""Speed and memory of pre-training, beside a plain loop in the same run.

Both train the sample's encoder with the same settings on the same sentences, in turn,
round by round; so do both in bfloat16. Besides: the machine's best rate of matrix
multiplication, memory of whole runs in processes of their own, and what a step is spent
on.

    python benchmarks/pretrain.py --docs docs/pretraining.md

On a machine with a GPU, a random encoder of RoBERTa-base's size:

    python benchmarks/pretrain.py --gpu --docs docs/pretraining.md
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
import typer
from common import (
    REPORTS,
    ROOT,
    describe_machine,
    find_versions,
    put_block,
    ratio_by_round,
    read_command,
    run_rounds,
    time_call,
    write_json,
)
from flops import measure_peak
from loops import (
    Ours,
    Plain,
    System,
    check_agreement,
    read_both,
    read_config,
)
from pretrain_lines import gpu_lines, speed_lines
from transformers.utils import logging as transformers_logging
from wasabi import msg
from where_time_goes import count_executed, measure

from spacy_nuner.pretrain.wordpieces import Ints

OURS, PLAIN = "ours", "plain loop"
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Steps before the first round
WARM_UP = 2
MEMORY = Path(__file__).with_name("pretrain_memory.py")
GOALS = {"ratio": 2.5, "share_of_peak": 0.6, "peak_gib": 2.0, "optimizer": 0.1}
SETTINGS = ("batch_size", "bucket", "max_epochs", "max_grad_norm", "model", "optimizer")
PACKAGES = ("torch", "transformers", "thinc", "spacy")


def main(
    config: Path = typer.Option(ROOT / "configs" / "sample" / "pretrain.cfg"),
    output: Path = typer.Option(REPORTS / "pretrain.json", help="Where figures go."),
    docs: Path | None = typer.Option(None, help="Markdown file to put the tables in."),
    n_rounds: int = typer.Option(3, "--rounds", min=1, help="The median counts."),
    n_steps: int = typer.Option(16, "--steps", min=2, help="Steps of a round."),
    memory_steps: int = typer.Option(30, min=0, help="0: memory is not measured."),
    threads: int = typer.Option(0, min=0, help="0: one per core."),
    clock: str = typer.Option("wall", help="'wall', or 'cpu' on a busy machine."),
    gpu: bool = typer.Option(False, "--gpu", help="Measure a larger encoder on a GPU."),
) -> None:
    """Measure pre-training."""
    transformers_logging.set_verbosity_error()
    if threads:
        torch.set_num_threads(threads)
    head = {"command": read_command(), "clock": clock}
    if gpu:
        from pretrain_gpu import measure_gpu

        output = output.with_name(f"{output.stem}_gpu.json")
        result = head | measure_gpu(n_rounds, n_steps)
        name, lines = "gpu", gpu_lines(result)
    else:
        head["machine"] = describe_machine()
        with tempfile.TemporaryDirectory() as folder:
            result = head | compare(config, Path(folder), n_rounds, n_steps, clock)
        result["memory"] = measure_memory(config, memory_steps, threads)
        result["versions"] = find_versions(PACKAGES)
        result["met"] = compare_with_goals(result)
        name, lines = "speed", speed_lines(result)
    write_json(output, result)
    for line in lines:
        msg.text(line)
    if docs is not None:
        put_block(docs, name, lines)
    msg.good(f"Figures are in {output}")


def compare(
    path: Path, folder: Path, n_rounds: int, n_steps: int, clock: str
) -> dict[str, Any]:
    """Let both loops train in turn.

    path (Path): Config of the pre-training.
    folder (Path): Where runs keep their files.
    n_rounds (int): Rounds.
    n_steps (int): Steps of a round.
    clock (str): "wall" or "cpu".
    RETURNS (dict[str, Any]): The figures.
    """
    # What is slow the first time is not measured
    total_steps = WARM_UP + n_rounds * n_steps
    config = read_config(path, "fp32")
    size = config["pretrain"]["batch_size"]
    both = read_both(config, total_steps * size)
    order = np.random.default_rng(0).permutation(both.n)[: total_steps * size]
    warm_up, rest = order[: WARM_UP * size], order[WARM_UP * size :]
    parts = np.array_split(rest, n_rounds)
    systems: dict[str, System] = {}
    for precision in PRECISIONS:
        config = read_config(path, precision, total_steps=total_steps)
        ours = Ours.build(config, both, folder / precision, clock)
        systems |= {
            f"{OURS}, {precision}": ours,
            f"{PLAIN}, {precision}": Plain.build(config, both, ours),
        }
    for system in systems.values():
        system.train(warm_up, seed=0)
    peaks: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    done = dict.fromkeys(systems, 0)

    def make_timer(name: str) -> Callable[[], float]:
        def timer() -> float:
            part = parts[done[name]]
            done[name] += 1
            return time_call(lambda: systems[name].train(part, done[name]), clock)

        return timer

    def look_at_peak(name: str, seconds: float) -> None:
        msg.text(f"{name}: {len(parts[0]) / seconds:.1f} sentences/s")
        precision = name.split(", ")[1]
        peaks[precision].append(measure_peak(PRECISIONS[precision], clock))

    timers = {name: make_timer(name) for name in systems}
    seconds = run_rounds(timers, n_rounds, look_at_peak)
    best = {precision: max(found) for precision, found in peaks.items()}
    return {
        "n_rounds": n_rounds,
        "n_steps": n_steps,
        "settings": {key: config["pretrain"][key] for key in SETTINGS},
        "agreement": check_agreement(path, folder, both),
        "peaks": best,
        "rows": {
            name: describe(system, parts, seconds[name], best[name.split(", ")[1]])
            for name, system in systems.items()
        },
        "ratios": {
            p: ratio_by_round(seconds[f"{PLAIN}, {p}"], seconds[f"{OURS}, {p}"])
            for p in PRECISIONS
        },
        "time": {
            name: measure(lambda system=system: system.train(warm_up, seed=0))
            for name, system in systems.items()
        },
    }


def describe(
    system: System, parts: list[Ints], seconds: list[float], peak: float
) -> dict[str, Any]:
    """Say how fast a loop was.

    system (System): The loop.
    parts (list[Ints]): The sentences of each round.
    seconds (list[float]): What each took.
    peak (float): Operations per second of the best matrix product.
    RETURNS (dict[str, Any]): Speed, share of the peak, losses.
    """
    speeds = [len(p) / s for p, s in zip(parts, seconds, strict=True)]
    losses = system.losses[WARM_UP:]
    row: dict[str, Any] = {
        "sentences_per_second": [round(speed, 2) for speed in speeds],
        "median": round(median(speeds), 2),
        "loss_last_third": fmean(losses[-max(1, len(losses) // 3) :]),
        "losses": [round(loss, 5) for loss in losses],
    }
    if isinstance(system, Ours):
        row["seconds_of_states"] = system.seconds_of_states
    for kind, padded in (("real", False), ("padded", True)):
        counted = [
            sum(system.count(batch, padded=padded) for batch in system.plan(part, n))
            for n, part in enumerate(parts, 1)
        ]
        rates = [c / s for c, s in zip(counted, seconds, strict=True)]
        row[f"gflop_per_sentence_{kind}"] = sum(counted) / sum(map(len, parts)) / 1e9
        row[f"share_of_peak_{kind}"] = median(rates) / peak
    batch = system.plan(parts[0], 1)[0]
    row["gflop_of_a_step"] = {
        "counted": system.count(batch, padded=True) / 1e9,
        "executed": count_executed(lambda: system.train(batch, 0)) / 1e9,
    }
    return row


def measure_memory(path: Path, steps: int, threads: int) -> dict[str, Any]:
    """Measure the memory of whole runs, each in a process of its own.

    path (Path): Config of the pre-training.
    steps (int): Steps of a run; 0: nothing is measured.
    threads (int): Threads; 0: one per core.
    RETURNS (dict[str, Any]): Peaks in GiB by system.
    """
    found: dict[str, Any] = {}
    pairs = product((OURS, PLAIN), PRECISIONS) if steps else ()
    for system, precision in pairs:
        options = ["--steps", str(steps), "--threads", str(threads)]
        options += ["--precision", precision]
        call = [sys.executable, str(MEMORY), system.split()[-1], str(path), *options]
        done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
        name = f"{system}, {precision}"
        found[name] = json.loads(done.stdout.splitlines()[-1])
        msg.text(f"{name}: {found[name]['peak_gib']:.2f} GiB")
    return found | {"n_steps": steps} if found else {}


def compare_with_goals(result: dict[str, Any]) -> dict[str, bool]:
    """RETURNS (dict[str, bool]): Which goals are met, in single precision."""
    ours = f"{OURS}, fp32"
    met = {
        "ratio": result["ratios"]["fp32"] >= GOALS["ratio"],
        "share_of_peak": result["rows"][ours]["share_of_peak_real"]
        >= GOALS["share_of_peak"],
        "optimizer": result["time"][ours]["optimizer, clipping"] < GOALS["optimizer"],
    }
    if result["memory"]:
        met["peak_gib"] = result["memory"][ours]["peak_gib"] < GOALS["peak_gib"]
    return met


if __name__ == "__main__":
    typer.run(main)
