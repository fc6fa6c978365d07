"""A local server that speaks OpenAI's protocol, with set latency and faults.

It runs in a process of its own, so that what a client costs can be told apart and a
killed client leaves the log behind:

    python -m tests.annotate.server --latency 0.5 --faults '{"429": 0.1}' --log r.jsonl

It prints `{"port": ...}` once it listens. Which fault a request gets depends only on
the seed, the prompt and the number of the try. Each request leaves a line in the log,
written before its answer is sent: prompt (SHA-256), try, status, start, end, open.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from email.utils import formatdate
from hashlib import sha256
from typing import Any

from aiohttp import web

from tests.annotate.server_batches import Batches
from tests.annotate.server_replies import make_completion

# status codes as strings, and: broken (cut before the answer), cut (in its middle),
# malformed (no JSON), empty (no choices), hang, length, content_filter
Faults = dict[str, float]


class Server:
    """What the server is set to, and what it has seen."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Take the settings.

        settings (dict[str, Any]): latency, faults, fault_tries, retry_after,
            retry_after_as, hang, seed, key, log.
        """
        self.settings = settings
        self.tries: Counter[str] = Counter()
        self.n_open = 0
        self.batches = Batches(self)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        log = settings.get("log")
        self.log_fd = os.open(log, flags, 0o644) if log else None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        if request.path == "/v1/chat/completions":
            return await self.chat(request)
        if request.path == "/control":
            self.settings |= await request.json()
            return web.json_response({})
        if (refusal := self.refuse(request)) is not None:
            return refusal
        return await self.batches.handle(request)

    def refuse(self, request: web.BaseRequest) -> web.Response | None:
        """The answer to a wrong key; it shows the key, as some servers do."""
        key, given = self.settings.get("key"), request.headers.get("Authorization", "")
        if not key or given == f"Bearer {key}":
            return None
        message = f"Incorrect API key provided: {given.removeprefix('Bearer ')}."
        return make_error(401, message, "invalid_api_key")

    def draw_fault(self, prompt: str, number: int) -> str | None:
        """The fault of a try, by a hash of seed, try and prompt."""
        faults: Faults = self.settings["faults"]
        if not faults or number > self.settings["fault_tries"]:
            return None
        drawn = f"{self.settings['seed']}:{number}:{prompt}"
        digest = sha256(drawn.encode("utf8", "surrogatepass")).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        for kind, share in faults.items():
            place -= share
            if place < 0:
                return kind
        return None

    async def chat(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a prompt, or don't."""
        start = time.time()
        self.n_open += 1
        n_open = self.n_open
        try:
            body = json.loads(await request.read())
            prompt = body["messages"][-1]["content"]
            digest = hash_text(prompt)
            self.tries[digest] += 1
            number = self.tries[digest]
            fault = self.draw_fault(prompt, number)
            refusal = self.refuse(request)
            if fault == "hang":
                self.write(digest, number, "hang", start, n_open)
                await asyncio.sleep(self.settings["hang"])
                raise ConnectionResetError
            # as real servers do, refuse at once
            if fault not in ("429", "401", "403") and refusal is None:
                await asyncio.sleep(self.settings["latency"])
            gone = request.transport is None or request.transport.is_closing()
            status = "gone" if gone else fault or (401 if refusal else 200)
            self.write(digest, number, status, start, n_open)
            if refusal is not None:
                return refusal
            return await self.respond(request, body, prompt, fault)
        finally:
            self.n_open -= 1

    async def respond(
        self,
        request: web.BaseRequest,
        body: dict[str, Any],
        prompt: str,
        fault: str | None,
    ) -> web.StreamResponse:
        """Send the reply, or what the fault makes of it."""
        if fault is not None and fault.isdigit():
            key = request.headers.get("Authorization", "no key")
            response = make_error(int(fault), f"{fault} on purpose, {key}", "fault")
            if fault in ("429", "503"):
                set_retry_after(response, self.settings)
            return response
        completion = make_completion(prompt, body, fault)
        text = json.dumps(completion)
        if fault in ("broken", "cut"):
            if fault == "cut":
                response = web.StreamResponse()
                response.content_length = len(text)
                await response.prepare(request)
                await response.write(text[: len(text) // 2].encode())
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault == "malformed":
            text = text[: len(text) // 2]
        return web.Response(text=text, content_type="application/json")

    def write(
        self, digest: str, number: int, status: int | str, start: float, n_open: int
    ) -> None:
        """Write a line of the log at once, in a single system call."""
        if self.log_fd is None:
            return
        line = (
            f'{{"prompt": "{digest}", "try": {number}, "status": "{status}", '
            f'"start": {start:.4f}, "end": {time.time():.4f}, "open": {n_open}}}\n'
        )
        os.write(self.log_fd, line.encode())


def hash_text(text: str) -> str:
    """The SHA-256 of a prompt, as the journal holds it."""
    return sha256(text.encode("utf8", errors="surrogatepass")).hexdigest()


def make_error(status: int, message: str, code: str) -> web.Response:
    """An error in the form that OpenAI gives it."""
    error = {"message": message, "type": code, "code": code}
    return web.json_response({"error": error}, status=status)


def set_retry_after(response: web.Response, settings: dict[str, Any]) -> None:
    """Say when to come back: in seconds, milliseconds or as a date."""
    seconds, form = settings["retry_after"], settings["retry_after_as"]
    if form == "seconds":
        response.headers["Retry-After"] = f"{seconds:g}"
    elif form == "ms":
        response.headers["retry-after-ms"] = f"{seconds * 1000:g}"
    elif form == "date":
        response.headers["Retry-After"] = formatdate(time.time() + seconds, usegmt=True)


async def serve(settings: dict[str, Any], port: int) -> None:
    """Listen until the process is ended, or until standard input is closed."""
    server = Server(settings)
    low = web.Server(server.handle, access_log=None)
    runner = web.ServerRunner(low)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    sockets = site._server.sockets  # type: ignore[union-attr]
    sys.stdout.write(json.dumps({"port": sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    # its parent holds the other end: the server never outlives who started it
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    await runner.cleanup()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--faults", type=json.loads, default={}, help="share by kind")
    parser.add_argument("--fault-tries", type=int, default=10**9)
    parser.add_argument("--retry-after", type=float, default=0.1, help="seconds")
    parser.add_argument(
        "--retry-after-as",
        choices=("seconds", "ms", "date", "none"),
        default="seconds",
    )
    parser.add_argument("--hang", type=float, default=60.0, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--key", help="refuse requests without it")
    parser.add_argument("--log", help="file that gets a line of JSON for each request")
    settings = vars(parser.parse_args())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(settings, settings.pop("port")))
    os._exit(0)  # a thread may still wait for standard input


if __name__ == "__main__":
    main()
