"""A real browser for tests, spoken to through a pipe: no driver, no port, no network.

Chrome's DevTools protocol: JSON messages that end with a zero byte, on the file
descriptors 3 and 4 of the browser.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS: Final = 30.0


def find_browser() -> str | None:
    """The browser of this machine, None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A headless browser with one page."""

    def __init__(self, program: str, folder: Path) -> None:
        """Start it.

        program (str): The browser.
        folder (Path): For its profile and its downloads.
        """
        read_command, self._write = os.pipe()
        self._read, write_reply = os.pipe()
        arguments = [
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}"),
            *("--disable-dev-shm-usage", "--disable-background-networking"),
            *("--disable-component-update", "--disable-sync", "about:blank"),
        ]
        # The shell puts the two ends where the browser looks for them
        plumbing = f'exec "$0" "$@" 3<&{read_command} 4>&{write_reply}'
        self._process = subprocess.Popen(
            ["bash", "-c", plumbing, program, *arguments],
            pass_fds=(read_command, write_reply),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(read_command)
        os.close(write_reply)
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self.errors: list[str] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self._session = self.send(
            "Target.attachToTarget", targetId=page["targetId"], flatten=True
        )["sessionId"]
        self.send("Runtime.enable")
        self.send("Log.enable")
        self.send("Page.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method}
        message["params"] = params
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            reply = self._receive(deadline)
            self._note(reply)
            if reply.get("id") == self._number:
                assert "error" not in reply, reply
                return dict(reply["result"])

    def open(self, path: Path) -> None:
        """Open a file and wait until its script has run."""
        self.send("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + SECONDS
        while self.run("document.readyState") != "complete" or not self.run(
            f"location.href.endsWith({json.dumps(path.name)})"
        ):
            assert time.monotonic() < deadline, "the page was not loaded"
            time.sleep(0.05)

    def run(self, code: str) -> Any:
        """Evaluate JavaScript and return its value."""
        result = self.send("Runtime.evaluate", expression=code, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after another, as a person would."""
        for key in keys:
            event = {"key": key} | ({"text": key} if len(key) == 1 else {})
            self.send("Input.dispatchKeyEvent", type="keyDown", **event)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._read], [], [], max(left, 0))
            assert ready, "the browser does not answer"
            chunk = os.read(self._read, 65536)
            assert chunk, "the browser has ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, message: dict[str, Any]) -> None:
        """Keep what went wrong on the page, broken security policies as well."""
        if message.get("method") == "Log.entryAdded":
            entry = message["params"]["entry"]
            if entry["level"] == "error":
                self.errors.append(entry["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(message["params"]))
