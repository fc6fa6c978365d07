"""The key of a server: read late, held shortly, never shown."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from spacy_nuner.errors import Errors

_HIDDEN = "[key]"
# What looks like a key is hidden too: servers show other people's keys as well
_KEY_LIKE = re.compile(r"\bBearer\s+[^\s\"',}]+|\b(?:sk|gsk|hf|pk|key)[-_][\w-]{12,}")


class Key:
    """A key that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold a key.

        text (str): The key.
        """
        self._text = text

    def reveal(self) -> str:
        """RETURNS (str): The key."""
        return self._text

    def __repr__(self) -> str:
        return "Key(...)"

    def __reduce__(self) -> str:
        raise TypeError(Errors.N117)


def read_key(env: str | None, path: Path | None) -> Key | None:
    """Read the key of a server.

    env (str | None): Variable of the environment that holds it.
    path (Path | None): File that holds it and nothing else; goes before the variable.
    RETURNS (Key | None): The key; None if neither has one, for servers without keys.
    RAISES (ValueError): If the file can't be read or is empty, or if what was found
        can't be a key. The message never shows it.
    """
    if path is not None:
        try:
            text = Path(path).read_text(encoding="utf8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise ValueError(Errors.N115.format(path=path, reason=reason)) from None
        if not text:
            raise ValueError(Errors.N115.format(path=path, reason="it is empty"))
    else:
        text = os.environ.get(env, "").strip() if env else ""
    if not text:
        return None
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError(Errors.N116.format(where=tell_source(env, path)))
    return Key(text)


def tell_source(env: str | None, path: Path | None) -> str:
    """RETURNS (str): Where a key is looked for, in words."""
    if path is not None:
        return f"the file '{path}'"
    return f"the variable {env}" if env else "nowhere (key_env and key_file are unset)"


def make_redactor(key: Key | None) -> Callable[[str], str]:
    """Make the function that takes a key out of whatever a server says.

    key (Key | None): The key that is sent to it.
    RETURNS (Callable[[str], str]): From a text to the same without the key, however it
        is written: plain, in JSON or in an address.
    """
    patterns = []
    if key is not None:
        plain = key.reveal()
        forms = {plain, json.dumps(plain)[1:-1], quote(plain, safe="")}
        longest = sorted(forms, key=len, reverse=True)
        patterns.append(re.compile("|".join(map(re.escape, longest)), re.IGNORECASE))
    patterns.append(_KEY_LIKE)

    def redact(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(_HIDDEN, text)
        return text

    return redact
