"""The protocol of chat completions: a prompt -> a request; a response -> a reply."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.chat.failure import Failure
from spacy_nuner.annotate.chat.schema import RESPONSE_FORMAT


class Completion(NamedTuple):
    """What a server replied to a prompt."""

    reply: str
    usage: Usage
    is_cut: bool  # the reply was longer than the server gives


def make_request(
    name: str, config: Mapping[str, Any], *, structured: bool
) -> dict[str, Any]:
    """Make what all requests of a model have in common.

    name (str): Of the LLM.
    config (Mapping[str, Any]): Such as {"temperature": 0.0}.
    structured (bool): Whether the reply has to be JSON of our schema.
    RETURNS (dict[str, Any]): Everything but the prompt.
    """
    request: dict[str, Any] = {"model": name, **config}
    if structured:
        request["response_format"] = RESPONSE_FORMAT
    return request


def add_prompt(request: Mapping[str, Any], prompt: str) -> bytes:
    """Make the body of a request.

    request (Mapping[str, Any]): From `make_request`.
    prompt (str): The whole prompt. Halves of surrogate pairs, which UTF-8 can't hold,
        travel as JSON escapes.
    RETURNS (bytes): JSON.
    """
    messages = [{"role": "user", "content": prompt}]
    return json.dumps({**request, "messages": messages}).encode("ascii")


def read_completion(content: bytes) -> Completion:
    """Read a response.

    content (bytes): Its body.
    RETURNS (Completion): The reply.
    RAISES (Failure): If there is none in it.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise Failure("the response is no JSON", "again", "down") from None
    return read_body(body)


def read_body(body: Any) -> Completion:
    """Read a response that is JSON.

    body (Any): The "chat.completion", as JSON gave it.
    RETURNS (Completion): The reply.
    RAISES (Failure): If there is none in it.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise Failure("the response has no choices", "again", "down")
    content, finish = _read_content(message), choice.get("finish_reason")
    if content is None or (finish == "content_filter" and not content):
        if message.get("refusal"):
            raise Failure(f"the LLM refused: {message['refusal']}", "final", "alive")
        if finish == "content_filter":
            raise Failure("held back by the content filter", "final", "alive")
        if finish == "length":
            raise Failure("max_tokens ended before the reply", "final", "alive")
        raise Failure("the response has no content", "again", "down")
    is_cut = finish in ("length", "content_filter")
    return Completion(_mend(content), _read_usage(body.get("usage")), is_cut)


def _read_content(message: dict[str, Any]) -> str | None:
    """The reply: a string, or its parts joined."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _read_usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    counts = (usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
    return Usage(*(n if isinstance(n, int) and n > 0 else 0 for n in counts))


def _mend(text: str) -> str:
    """Join surrogate pairs and replace halves of them: no file can hold those."""
    if text.isascii():
        return text
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        halves = text.encode("utf-16-le", errors="surrogatepass")
        return halves.decode("utf-16-le", errors="replace")
    return text
