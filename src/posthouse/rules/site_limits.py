"""The numbers that say how much one receiving site may be asked to bear.

Public: Limits, changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posthouse.model.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one site may be asked to bear, by all workers together. `messages_per_second` 0: no limit."""

    connections: int = 10
    first_connections: int = 5
    messages_per_connection: int = 100
    messages_per_second: float = 0.0
    idle_s: float = 5.0


_LEAST = {
    "connections": 1,
    "first_connections": 1,
    "messages_per_connection": 1,
    "messages_per_second": 0,
    "idle_s": 0,
}


def changed(limits: Limits, given: Mapping[str, Any], where: str) -> Limits:
    """The limits with the keys of a table in place of their own. Raises SettingsError, beginning with
    `where`."""
    for key, value in given.items():
        least = _LEAST.get(key)
        if least is None:
            raise SettingsError(f"{where}: unknown key {key!r}; allowed are {', '.join(_LEAST)}")
        kinds = (int, float) if key in ("messages_per_second", "idle_s") else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= 1_000_000:
            raise SettingsError(f"{where}: {key} must be a number from {least} to 1000000")
    return dataclasses.replace(limits, **given)
