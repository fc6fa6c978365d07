"""How a server is reached and how hard it may be pressed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from spacy_nuner.errors import Errors

_OURS: Final = {"model", "messages", "stream", "stream_options", "n"}
_SECRET: Final = ("authorization", "api-key", "api_key", "apikey", "token", "cookie")


class Settings(NamedTuple):
    """How a server is reached; the key itself is not in it."""

    base_url: str
    key_env: str | None
    key_file: Path | None
    key_header: str
    headers: dict[str, str]
    max_concurrent: int
    requests_per_minute: float | None
    tokens_per_minute: float | None
    max_request_time: float  # seconds of one try
    max_tries: int
    interval: float  # seconds, doubled at each further try
    max_wait: float  # seconds that a server may ask to wait
    patience: float  # seconds of nothing but failures until a server counts as down


def check_settings(settings: Settings) -> Settings:
    """Check what a config says about a server.

    settings (Settings): As they are in the config.
    RETURNS (Settings): The same, the address without a slash at its end.
    RAISES (ValueError): If a number, the address or a header makes no sense.
    """
    for name in ("max_concurrent", "max_request_time", "max_tries", "max_wait"):
        _check_positive(name, getattr(settings, name))
    for name in ("interval", "patience", "requests_per_minute", "tokens_per_minute"):
        if (value := getattr(settings, name)) is not None:
            _check_positive(name, value)
    secret = [name for name in settings.headers if _is_secret(name)]
    if secret:
        raise ValueError(Errors.N112.format(where="headers", names=", ".join(secret)))
    return settings._replace(base_url=check_url(settings.base_url))


def check_url(url: str) -> str:
    """Check the address of a server.

    url (str): Such as "http://localhost:8000/v1".
    RETURNS (str): The same without a slash at its end.
    RAISES (ValueError): If it is none, or holds a password or a query, which would
        end in logs.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        shown = f"{parts.scheme}://…@{parts.hostname}{parts.path}"
        raise ValueError(Errors.N111.format(url=shown))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(Errors.N111.format(url=url))
    return url.rstrip("/")


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check what is passed on to the server with every prompt.

    config (Mapping[str, Any]): Such as {"temperature": 0.0, "max_tokens": 500}.
    RETURNS (dict[str, Any]): A copy.
    RAISES (ValueError): If it has a name that the model sets itself, or a key, which
        would be part of each config that is saved.
    """
    ours = [name for name in config if name in _OURS]
    if ours:
        raise ValueError(Errors.N113.format(names=", ".join(ours)))
    secret = [name for name in config if _is_secret(name)]
    if secret:
        raise ValueError(Errors.N112.format(where="config", names=", ".join(secret)))
    return dict(config)


def _is_secret(name: str) -> bool:
    """Whether a setting of this name holds a key: "max_tokens" does not."""
    lowered = name.lower()
    return any(lowered == word or lowered.endswith(f"-{word}") for word in _SECRET)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(Errors.N114.format(name=name, value=value))
