"""The part of the local server that speaks OpenAI's files and batches."""

import json
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.annotate.server_replies import make_completion

if TYPE_CHECKING:
    from tests.annotate.server import Server


class Batches:
    """Files and batches, in memory. A batch is done `latency` after it was sent."""

    def __init__(self, server: "Server") -> None:
        """Start with none.

        server (Server): Whose settings, faults and log count.
        """
        self.server = server
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request to /v1/files or /v1/batches."""
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["v1", "files"]:
                fields = await request.post()
                file = fields["file"]
                assert isinstance(file, web.FileField) and fields["purpose"] == "batch"
                return web.json_response({"id": self.keep(file.file.read())})
            case "GET", ["v1", "files", name, "content"] if name in self.files:
                return web.Response(body=self.files[name])
            case "POST", ["v1", "batches"]:
                body = await request.json()
                if body["input_file_id"] in self.files:
                    return web.json_response(self.create(body))
            case "GET", ["v1", "batches"]:
                newest = [*map(self.look, self.batches)][::-1]
                return web.json_response({"data": newest, "has_more": False})
            case "GET", ["v1", "batches", name] if name in self.batches:
                return web.json_response(self.look(name))
        error = {"message": f"no {request.method} {request.path}", "code": "not_found"}
        return web.json_response({"error": error}, status=404)

    def keep(self, content: bytes) -> str:
        """Keep a file and name it."""
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return name

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a batch."""
        name = f"batch-{len(self.batches)}"
        made = {"id": name, "object": "batch", "status": "in_progress", **body}
        self.batches[name] = made | {"created_at": time.time()}
        return self.batches[name]

    def look(self, name: str) -> dict[str, Any]:
        """Say how far a batch is; answer it once its time has come."""
        batch = self.batches[name]
        ready = time.time() - batch["created_at"] >= self.server.settings["latency"]
        if name in self.server.settings.get("refuse_batches", ()):
            errors = {"data": [{"message": "too many tokens"}]}
            batch |= {"status": "failed", "errors": errors}
        if batch["status"] == "in_progress" and ready:
            self.answer(batch)
        return batch

    def answer(self, batch: dict[str, Any]) -> None:
        """Answer the requests of a batch into its two files."""
        from tests.annotate.server import hash_text

        lines: dict[str, list[str]] = {"output_file_id": [], "error_file_id": []}
        for row in self.files[batch["input_file_id"]].decode().splitlines():
            request = json.loads(row)
            prompt = request["body"]["messages"][-1]["content"]
            digest = hash_text(prompt)
            self.server.tries[digest] += 1
            number = self.server.tries[digest]
            fault = self.server.draw_fault(prompt, number)
            self.server.write(digest, number, fault or 200, batch["created_at"], 0)
            body = make_completion(prompt, request["body"], fault)
            status, kind = 200, "output_file_id"
            if fault is not None and fault.isdigit():
                status, kind = int(fault), "error_file_id"
                body = {"error": {"message": f"{fault} on purpose"}}
            response = {"status_code": status, "request_id": "r", "body": body}
            lines[kind].append(
                json.dumps(
                    {
                        "id": f"batch_req_{number}",
                        "custom_id": request["custom_id"],
                        "response": response,
                        "error": None,
                    }
                )
            )
        for kind, rows in lines.items():
            if rows:
                batch[kind] = self.keep(("\n".join(rows) + "\n").encode())
        # the order of a real output file is not that of the input
        batch["status"] = "completed"
