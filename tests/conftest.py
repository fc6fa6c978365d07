"""Fixtures for all tests: a tiny real encoder, the sample's records, no network."""

import json
import logging
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "assets" / "sample"


def pytest_addoption(parser: pytest.Parser) -> None:
    for mark in ("gpu", "external"):
        parser.addoption(f"--{mark}", action="store_true", help=f"run {mark} tests")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    off = [mark for mark in ("gpu", "external") if not config.getoption(f"--{mark}")]
    kept, left = [], []
    for item in items:
        (left if any(item.get_closest_marker(m) for m in off) else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(autouse=True, scope="session")
def heed_ctrl_c() -> None:
    """A shell's background jobs, and all that they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Commands set up the package's logger; the next test shall not see that."""
    logger = logging.getLogger("spacy_nuner")
    before = (list(logger.handlers), logger.level, logger.propagate)
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.fixture(autouse=True)
def no_network(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    if request.node.get_closest_marker("external"):
        yield
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1"):
            return connect(self, address)
        raise RuntimeError(f"A test tried to reach {address}; tests work offline.")

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


@pytest.fixture(scope="session")
def sample_records() -> list[dict[str, str]]:
    """The first 60 records of the sample corpus: id, text, response."""
    with (SAMPLE / "annotated.jsonl").open(encoding="utf8") as file:
        return [json.loads(line) for line, _ in zip(file, range(60), strict=False)]


@pytest.fixture(scope="session")
def tiny_encoder(
    tmp_path_factory: pytest.TempPathFactory, sample_records: list[dict[str, str]]
) -> Path:
    """A random 2-layer RoBERTa of width 16 as an encoder folder. Do not write to it."""
    from spacy_nuner.pretrain.tiny import build_tiny_encoder

    path = tmp_path_factory.mktemp("encoder") / "tiny-roberta"
    return build_tiny_encoder(path, [record["text"] for record in sample_records])


def export_tiny(tiny_encoder: Path, path: Path, **record: Any) -> Path:
    """Make an encoder folder as `spacy-nuner export` writes it: both encoders.

    tiny_encoder (Path): The encoder; it serves as concept encoder, too.
    path (Path): The new folder.
    record (Any): What `nuner.json` says beside the settings of the concept encoder.
    RETURNS (Path): The new folder.
    """
    shutil.copytree(tiny_encoder, path)
    shutil.copytree(tiny_encoder, path / "concept_encoder")
    settings = {"format": 1, "temperature": 5.0, "bias": -5.0, "pooling": "mean"}
    (path / "nuner.json").write_text(json.dumps(settings | record))
    return path
