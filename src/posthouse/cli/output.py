"""Printing: JSON lines for programs, aligned words for people, colours on a terminal only.

Texts from outside (subjects, replies of other hosts) are printed with their control characters escaped, so
that no mail can steer a terminal.

Public: Output, visible, when, span.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STYLES = {
    "delivered": "green",
    "ok": "green",
    "accepted": "cyan",
    "deferred": "yellow",
    "waiting": "yellow",
    "warning": "yellow",
    "held": "magenta",
    "failed": "red",
    "rejected": "red",
    "wrong": "red",
    "dropped": "red",
    "cancelled": "red",
}


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's answer goes. `item` and `rows` know both forms; `say` is for people only."""

    as_json: bool

    def item(self, value: Any, words: str) -> None:
        """One answer: the value as JSON, or the words."""
        if self.as_json:
            print(json.dumps(value, ensure_ascii=False))
        else:
            print(words)

    def lines(self, values: Sequence[Mapping[str, Any]]) -> None:
        """JSON, one line per item, written at once."""
        for value in values:
            print(json.dumps(value, ensure_ascii=False))
        sys.stdout.flush()

    def say(self, words: str = "") -> None:
        """A line for people; nothing in JSON form."""
        if not self.as_json:
            print(words)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
        """Columns for people, or the sentence when there are no rows."""
        if not rows:
            print(nothing)
        elif sys.stdout.isatty():
            _print_rich(heads, rows)
        else:
            _print_plain(heads, rows)


def _print_plain(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Two spaces between columns, the last one open-ended: nothing is cut, `grep` and `awk` work."""
    table = [list(heads), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads) - 1)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())
    sys.stdout.flush()


def _print_rich(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        # Text, not markup: brackets in a subject are just brackets
        table.add_row(*[Text(visible(cell), style=_STYLES.get(cell, "")) for cell in row])
    Console(highlight=False).print(table)


def visible(text: str) -> str:
    """The text with control characters, bidi marks and the like written as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def when(at: float | None) -> str:
    """An instant for people, in UTC."""
    if not at:
        return "-"
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(seconds: float) -> str:
    """`5400` -> `1h30m`: the two largest units."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])
