"""Instants in rows that have no type of their own: seconds become RFC 3339 text.

Public: told.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk.reports import utc_text

_NAMES = frozenset({"at", "since", "until", "scheduled_for"})
_LEAST = 1e8  # smaller numbers are spans


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its instants as text."""
    return {name: _told(name, value) for name, value in row.items()}


def _told(name: str, value: Any) -> Any:
    is_instant = name in _NAMES or name.endswith(("_at", "_until"))
    if is_instant and isinstance(value, float | int) and not isinstance(value, bool) and value > _LEAST:
        return utc_text(float(value))
    return value
