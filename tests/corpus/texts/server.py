"""A server that speaks the part of the hub's protocol by which files are fetched."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple


class Request(NamedTuple):
    """What was asked for."""

    method: str
    path: str
    range: str | None
    status: int


class HubServer(ThreadingHTTPServer):
    """Has files; breaks connections and refuses requests when told to."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        """Start to listen. files: path below the repository -> content."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.log: list[Request] = []
        self.break_after: list[int] = []  # bytes of the next answers, then it breaks
        self.refuse: list[int] = []  # status of the next requests

    @property
    def url(self) -> str:
        """What HF_ENDPOINT should be."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def _answer(self, method: str) -> None:
        server = self.server
        _, _, rest = self.path.partition("/datasets/")
        repo, _, place = rest.partition("/resolve/")
        revision, _, path = place.partition("/")
        content = server.files.get(f"{repo}/{path}")
        status = 200 if content is not None else 404
        if server.refuse:
            status = server.refuse.pop(0)
        wanted = self.headers.get("Range")
        content, start = content or b"", 0
        if status == 200 and method == "GET" and wanted:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
        server.log.append(Request(method, self.path, wanted, status))
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        if status in (200, 206):
            self.send_header("X-Repo-Commit", revision)
            self.send_header("ETag", f'"{len(content)}-etag"')
            self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            last = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        body = content[start:] if status in (200, 206) else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if method == "GET" and body:
            if server.break_after:
                body = body[: server.break_after.pop(0)]
                self.close_connection = True
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[HubServer]:
    """Run a server for as long as the block does."""
    server = HubServer(files)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
