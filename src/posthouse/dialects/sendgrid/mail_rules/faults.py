"""Faults of a call while they are gathered, and the looks at types that all rules share.

Public: Fault, Known, Faults, Repeated, kind_of, is_integer, shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MOST_FAULTS = 100  # of one answer
LONGEST_SHOWN = 200  # of a value in a sentence

_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class Fault(NamedTuple):
    """`field`: the JSON path of what is wrong, None for the whole."""

    message: str
    field: str | None = None


class Repeated(dict[str, Any]):
    """An object in which a name stood more than once; it holds the last values."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules may know: the time, how far ahead mail may be scheduled, what the account has."""

    now: float
    schedule_hours: float = 72.0
    groups: frozenset[int] = frozenset()
    owns_pool: Callable[[str], bool] = bool


@dataclass(slots=True)
class Faults:
    """The list that grows. A null counts as not said."""

    found: list[Fault] = field(default_factory=list)

    def add(self, path: str, message: str) -> None:
        if len(self.found) < MOST_FAULTS:
            self.found.append(Fault(message, path))

    def is_a(self, path: str, value: Any, kind: type) -> bool:
        """Is the value of this type? Notes it where not (observed sentence)."""
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return True
        self.add(path, f"Invalid type. Expected: {_KINDS[kind]}, given: {kind_of(value)}.")
        return False

    def object(self, path: str, value: Any) -> dict[str, Any]:
        """The object; {} for what is absent or none."""
        if value is None or not self.is_a(path, value, dict):
            return {}
        found: dict[str, Any] = value
        return found

    def array(self, path: str, value: Any) -> list[Any]:
        """The array; [] for what is absent or none."""
        if value is None or not self.is_a(path, value, list):
            return []
        found: list[Any] = value
        return found


def kind_of(value: Any) -> str:
    """The JSON type's name."""
    if isinstance(value, Repeated):
        return "object"
    return "null" if value is None else _KINDS.get(type(value), "string")


def is_integer(value: Any) -> bool:
    return type(value) is int


def shown(value: Any) -> str:
    """A value in a sentence: on one line, not longer than people read."""
    text = value if isinstance(value, str) else repr(value)
    return "".join([char if char.isprintable() else "\ufffd" for char in text[:LONGEST_SHOWN]])
