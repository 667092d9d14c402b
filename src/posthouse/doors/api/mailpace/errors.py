"""What is wrong with a call, gathered by field: several may be told at once.

Public: Errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from posthouse.doors.api.answers import Said
from posthouse.doors.api.mailpace.answers import INVALID, field_errors


@dataclass(slots=True)
class Errors:
    """`found`: texts by field, none twice."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        texts = self.found.setdefault(name, [])
        if text not in texts:
            texts.append(text)

    def text(self, name: str, value: Any) -> str:
        """A text; null is the empty one, and another value is wrong."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self.add(name, INVALID)
            return ""
        return value

    def tell(self) -> None:
        """Raises Said, if there is something."""
        if self.found:
            raise Said(field_errors(self.found))
