"""What DNS said, as the rules see it, and how they ask: through a callable that is given to them.

Public: Found, Unanswered, Ask, NOTHING.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """An answer; no rows and `exists`: the name has no such record. `rows` are (preference, text), 0 for all
    but MX, the strings of a TXT record joined; names in lower case without the dot at the end. `canonical`
    is the name at the end of the aliases, if there are any."""

    exists: bool = True
    rows: tuple[tuple[int, str], ...] = ()
    canonical: str = ""
    is_alias: bool = False

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.rows]


NOTHING = Found(exists=False)


class Unanswered(Exception):
    """Nobody could say now; the text says why. Never a reason to believe that nothing is there."""


Ask = Callable[[str, str], Awaitable[Found]]
"""Asks for a name (A-label form, without the dot at the end) and a type. Raises Unanswered."""
