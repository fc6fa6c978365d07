"""What the local server answers: always the same to the same prompt."""

import json
import re
from hashlib import sha256
from typing import Any

CONCEPTS = ("person", "location", "organization", "object", "event", "quality")
N_ENTITIES = 3


def make_reply(prompt: str, *, as_json: bool = False) -> str:
    """Annotate some words of a prompt's last line, in the format of the paper.

    prompt (str): The whole prompt.
    as_json (bool): As an object with the list "entities".
    RETURNS (str): Lines `entity <> concept <> description`, or JSON.
    """
    text = prompt.rstrip().rpartition("\n")[2]
    if match := re.search(r"USER: Text: (.*?) ASSISTANT:", prompt):  # UniversalNER's
        return json.dumps(re.findall(r"[^\W\d_]{4,}", match[1])[:N_ENTITIES])
    words = list(dict.fromkeys(re.findall(r"[^\W\d_]{4,}", text)))[:N_ENTITIES]
    rows = []
    for word in words:
        number = sha256(f"{text}:{word}".encode("utf8", "surrogatepass")).digest()[0]
        concept = CONCEPTS[number % len(CONCEPTS)]
        rows.append((word, concept, f"{concept} number {number}"))
    if as_json:
        keys = ("entity", "concept", "description")
        return json.dumps(
            {"entities": [dict(zip(keys, row, strict=True)) for row in rows]}
        )
    return "\n".join(" <> ".join(row) for row in rows)


def make_completion(
    prompt: str, body: dict[str, Any], fault: str | None = None
) -> dict[str, Any]:
    """Make the body of a response.

    prompt (str): The whole prompt.
    body (dict[str, Any]): Of the request.
    fault (str | None): "length", "content_filter" or "empty".
    RETURNS (dict[str, Any]): A "chat.completion".
    """
    reply = make_reply(prompt, as_json="response_format" in body)
    finish = "stop"
    if fault == "length":
        finish, reply = "length", reply[: len(reply) * 2 // 3]
    elif fault == "content_filter":
        finish, reply = "content_filter", ""
    n_in, n_out = len(prompt) // 4 + 1, len(reply) // 4 + 1
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": reply},
        "finish_reason": finish,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": body.get("model", ""),
        "choices": [] if fault == "empty" else [choice],
        "usage": {
            "prompt_tokens": n_in,
            "completion_tokens": n_out,
            "total_tokens": n_in + n_out,
        },
    }
