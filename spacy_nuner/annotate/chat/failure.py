"""What can become of a request other than a reply, and what follows from it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from spacy_nuner.annotate.chat.retry_after import read_retry_after

# again: another try may do; final: it won't, for this prompt; refused, empty: no
# prompt will be answered, for want of a key or of money
Verdict = Literal["again", "final", "refused", "empty"]
# What it says about the server: busy is neither good nor bad
Sign = Literal["alive", "busy", "down", "unreachable"]

_AGAIN = {408, 409, 425, 429}
_ABSENT = {301, 302, 303, 307, 308, 404, 405}
_SHOWN = 300  # characters of what a server says


class Failure(Exception):
    """A request without a reply."""

    def __init__(
        self,
        reason: str,
        verdict: Verdict,
        sign: Sign,
        *,
        after: float | None = None,
    ) -> None:
        """Say what happened.

        reason (str): In words, without the key.
        verdict (Verdict): What follows for the prompt.
        sign (Sign): What follows for the server.
        after (float | None): Seconds that the server asks to wait.
        """
        super().__init__(reason)
        self.reason = reason
        self.verdict: Verdict = verdict
        self.sign: Sign = sign
        self.after = after


def judge_status(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    redact: Callable[[str], str],
) -> Failure:
    """Say what a response other than 200 means.

    status (int): Of the response.
    headers (Mapping[str, str]): Of the response.
    content (bytes): Its body.
    redact (Callable[[str], str]): Takes the key out.
    RETURNS (Failure): To be raised.
    """
    message, code = _read_error(content)
    # the key goes before anything is cut off, or its beginning would stay
    reason = f"HTTP {status}: {' '.join(redact(message).split())}"
    if len(reason) > _SHOWN:
        reason = reason[:_SHOWN] + " …"
    if status in (401, 403):
        return Failure(reason, "refused", "alive")
    if status == 402 or code == "insufficient_quota":
        return Failure(reason, "empty", "alive")
    if status in _AGAIN or status >= 500:
        busy = status < 500
        after = read_retry_after(headers)
        return Failure(reason, "again", "busy" if busy else "down", after=after)
    return Failure(reason, "final", "unreachable" if status in _ABSENT else "alive")


def _read_error(content: bytes) -> tuple[str, str]:
    """Message and code of an error, in OpenAI's form or any other."""
    text = content[:100_000].decode("utf8", errors="replace")
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text or "no message", ""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return str(error), ""
    message = error.get("message") or error.get("detail") or text
    codes = (error.get("code"), error.get("type"))
    return str(message), next((c for c in codes if isinstance(c, str)), "")
