"""How far a journal is: counts, tokens, money, rate, time left; also while it runs."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.journal.schema import connect_reading, naming
from spacy_nuner.annotate.money import Prices

N_REASONS: Final = 5
_SHOWN: Final = 200  # characters of a reason

# The first columns decide, so that no text is read
_MODELS: Final = """
SELECT model, turn, count(response), sum(response IS NULL), total(prompt_tokens),
    total(completion_tokens), total(n_tries), max(time)
FROM replies GROUP BY model, turn ORDER BY min(row)
"""
_REASONS: Final = """
SELECT substr(error, 1, ?) AS reason, count(*) AS n FROM replies
WHERE response IS NULL GROUP BY reason ORDER BY n DESC, reason LIMIT ?
"""
_RECENT: Final = "SELECT count(response), min(time) FROM replies WHERE time >= ?"


class ModelStatus(NamedTuple):
    """What a journal has of a model, in one turn."""

    model: str
    turn: int
    n_done: int
    n_failed: int
    usage: Usage
    n_tries: int
    last: str  # time of the newest row, UTC
    price: float | None  # None: the prices are not known

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): For JSON."""
        return {**self._asdict(), "usage": self.usage._asdict()}


class Status(NamedTuple):
    """How far a journal is."""

    models: list[ModelStatus]
    reasons: list[tuple[str, int]]  # why texts failed, the most frequent first
    per_minute: float  # replies, in the last minutes
    currency: str  # "" without prices
    n_texts: int | None
    n_left: int | None  # of n_texts, without a reply of the newest model
    seconds_left: float | None  # at this rate

    @property
    def n_done(self) -> int:
        """Replies of all models."""
        return sum(model.n_done for model in self.models)

    @property
    def n_failed(self) -> int:
        """Texts without a reply, of all models."""
        return sum(model.n_failed for model in self.models)

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): For JSON."""
        return {
            **self._asdict(),
            "models": [model.to_dict() for model in self.models],
            "n_done": self.n_done,
            "n_failed": self.n_failed,
        }


def get_status(
    path: Path,
    *,
    n_texts: int | None = None,
    prices: Prices | None = None,
    model_name: str | None = None,
    minutes: float = 5.0,
) -> Status:
    """Look at a journal; a run that writes it is not disturbed.

    path (Path): The journal.
    n_texts (int | None): Texts to annotate, for what is left.
    prices (Prices | None): Prices of a model.
    model_name (str | None): The model that the prices are of. None: all.
    minutes (float): How far back the rate looks.
    RETURNS (Status): The figures.
    RAISES (ValueError): If it is not a journal, or damaged.
    """
    with naming(path), closing(connect_reading(path)) as connection:
        rows = connection.execute(_MODELS).fetchall()
        reasons = connection.execute(_REASONS, (_SHOWN, N_REASONS)).fetchall()
        per_minute = _measure_rate(connection, minutes)
    models = []
    for name, turn, n_done, n_failed, n_in, n_out, n_tries, last in rows:
        usage = Usage(int(n_in), int(n_out))
        known = prices is not None and model_name in (None, name)
        price = prices.cost(usage) if prices is not None and known else None
        models.append(
            ModelStatus(name, turn, n_done, n_failed, usage, int(n_tries), last, price)
        )
    n_left = seconds_left = None
    if n_texts is not None:
        n_left = max(0, n_texts - _count_done(models, model_name))
        if per_minute:
            seconds_left = n_left / per_minute * 60
    currency = prices.currency if prices is not None else ""
    return Status(models, reasons, per_minute, currency, n_texts, n_left, seconds_left)


def _count_done(models: list[ModelStatus], model_name: str | None) -> int:
    """Texts with a first reply: of one model, or of the one that was asked last."""
    first = [model for model in models if model.turn == 1]
    if model_name is None and first:
        model_name = max(first, key=lambda model: model.last).model
    return sum(model.n_done for model in first if model.model == model_name)


def _measure_rate(connection: sqlite3.Connection, minutes: float) -> float:
    """Replies per minute, over the last minutes or since the first of them."""
    now = datetime.now(UTC)
    since = (now - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    n_replies, first = connection.execute(_RECENT, (since,)).fetchone()
    if first is None:
        return 0.0
    elapsed = (now - datetime.fromisoformat(first)).total_seconds() / 60
    return float(n_replies / max(elapsed, 1 / 60))
