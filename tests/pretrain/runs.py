"""What the tests of whole runs share: stop one, read its log, compare two."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from spacy_nuner.pretrain.checkpoint import FILE_NAME, read_header

# 20 sentences in batches of 6: 4 steps an epoch, 3 epochs
TOTAL = 12


def stop_after(n_steps: int) -> Callable[[], bool]:
    done = iter(range(1, 1000))
    return lambda: next(done) >= n_steps


def read_log(output: Path) -> list[dict[str, Any]]:
    lines = (output / "log.jsonl").read_text(encoding="utf8").splitlines()
    return [json.loads(line) for line in lines]


def without_time(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in record.items() if key != "sentences_per_second"}
        for record in records
    ]


def assert_same_run(left: Path, right: Path) -> None:
    """Both ended in the same weights, moments and counters, and said the same."""
    for name in ("last", "best"):
        ours, theirs = (load_file(path / name / FILE_NAME) for path in (left, right))
        assert ours.keys() == theirs.keys()
        for key, tensor in ours.items():
            assert torch.equal(tensor, theirs[key]), key
        ours, theirs = (read_header(path / name) for path in (left, right))
        assert ours.progress == theirs.progress
        assert ours.info.settings == theirs.info.settings
        assert (ours.bias, ours.n_updates) == (theirs.bias, theirs.n_updates)
    assert without_time(read_log(left)) == without_time(read_log(right))
