"""The local server of `tests/annotate/server.py` as a fixture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.annotate.running import RunningServer


class StartServer(Protocol):
    """Starts a server with settings of its own."""

    def __call__(self, **settings: Any) -> RunningServer: ...


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """A function that starts servers; they are ended after the test."""
    started: list[RunningServer] = []

    def start(**settings: Any) -> RunningServer:
        log = tmp_path / f"requests-{len(started)}.jsonl"
        started.append(RunningServer(log, **settings))
        return started[-1]

    yield start
    for server in started:
        if server.process.returncode is None:
            server.stop()
