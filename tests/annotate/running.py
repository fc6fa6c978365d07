"""The local server in a process of its own, for tests and benchmarks."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


class RunningServer:
    """A server in a process of its own."""

    def __init__(self, log: Path, **settings: Any) -> None:
        """Start it and wait until it listens.

        log (Path): File that gets a line for each request.
        settings (Any): Options of the command line: latency, faults, fault_tries,
            retry_after, retry_after_as, hang, seed, key, port.
        """
        command = [sys.executable, "-m", "tests.annotate.server", "--log", str(log)]
        for name, value in settings.items():
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            command += [f"--{name.replace('_', '-')}", text]
        self.log = log
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.url = f"http://127.0.0.1:{self.port}/v1"  # the base_url of a model

    def change(self, **settings: Any) -> None:
        """Change settings while it runs, as `faults={}` to end a storm."""
        url = f"http://127.0.0.1:{self.port}/control"
        request = urllib.request.Request(url, json.dumps(settings).encode())
        urllib.request.urlopen(request, timeout=10).close()

    def requests(self) -> list[dict[str, Any]]:
        """The lines of its log: prompt, try, status (a string), start, end, open."""
        lines = self.log.read_text(encoding="utf8").splitlines()
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """End it; the log stays."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
