"""When a server wants to be asked again."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def read_retry_after(
    headers: Mapping[str, str], now: float | None = None
) -> float | None:
    """Read how long a server asks to wait.

    headers (Mapping[str, str]): Of a response: `retry-after-ms` in milliseconds goes
        before `Retry-After` in seconds or as a date. Names in any case.
    now (float | None): Seconds since 1970; None: the clock.
    RETURNS (float | None): Seconds, not below 0; None if it does not say.
    """
    if (milliseconds := _read_number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("Retry-After")
    if value is None or (seconds := _read_number(value)) is not None:
        return seconds if value is not None else None
    try:
        then = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, then - (time.time() if now is None else now))


def _read_number(value: str | None) -> float | None:
    """A number that is not negative, None for anything else."""
    try:
        number = float(value) if value is not None else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
