"""Show words of others on the terminal: no character of theirs may steer it.

Sentences, labels, names of files and errors of servers reach the terminal in tables,
messages and logs. All of them pass here.
"""

import logging
from collections.abc import Collection, Iterable
from typing import Any

import typer
from wasabi import Printer

from spacy_nuner.plain import spell_unseen


def say(text: object = "") -> None:
    """Print a line that may hold words of others.

    text (object): What `str` makes a line of.
    """
    typer.echo(spell_unseen(str(text)))


class PlainPrinter(Printer):
    """wasabi's printer, with harmful characters spelled out."""

    def text(self, title: Any = "", text: Any = "", *style: Any, **styles: Any) -> Any:
        """Print a message; `good`, `info`, `warn` and `fail` come here too."""
        return super().text(spell_unseen(str(title)), _spell(text), *style, **styles)

    def divider(self, text: str = "", *style: Any, **styles: Any) -> Any:
        """Print a line with a heading."""
        return super().divider(spell_unseen(text), *style, **styles)

    def table(self, data: Collection[Any] | dict[Any, Any], **style: Any) -> Any:
        """Print rows."""
        rows = data.items() if isinstance(data, dict) else data
        plain = [tuple(_spell(cell) for cell in row) for row in rows]
        if header := style.get("header"):
            style["header"] = tuple(_spell(cell) for cell in header)
        return super().table(plain, **style)


class PlainFormatter(logging.Formatter):
    """Formats log messages; they hold texts, names and errors of servers."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as the base class does, with nothing unseen in it."""
        return spell_unseen(super().format(record))


def _spell(cell: Any) -> Any:
    if isinstance(cell, str):
        return spell_unseen(cell)
    if isinstance(cell, Iterable) and not isinstance(cell, bytes):
        return [_spell(part) for part in cell]
    return cell


msg = PlainPrinter()
