"""Lists page by page: one form for all of them.

An address names what is looked for and where its page begins: `after` is the cursor of the page, behind
those of the pages before it, so that there is a way back as well.

Public: ROWS, Pages, place, position, part_of, pages, shown, sliced, again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from posthouse.doors.web.dashboard.visit import Visit
from posthouse.store.parts import Part

ROWS = 50
_AFTER, _TEXT = "after", "q"
_LONGEST_TEXT = 200
_LONGEST_TRAIL = 1500  # characters; behind that the way back leads to the first page at once

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Pages:
    """Addresses of other pages of a list, "" where there is none; `first` only where it is not `previous`.
    `is_first`: this one is."""

    first: str
    previous: str
    next: str
    is_first: bool


def place(visit: Visit) -> str:
    """The cursor of the page that is asked for, "" for the first."""
    return _trail(visit)[-1] if _trail(visit) else ""


def position(visit: Visit) -> int:
    """The same where cursors are numbers of rows; what is none means the first page."""
    text = place(visit)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def part_of(visit: Visit) -> Part:
    """The same as a part of a list in the order of names; one row more, to know whether others follow."""
    return Part(place(visit), visit.query(_TEXT)[:_LONGEST_TEXT], ROWS + 1)


def pages(visit: Visit, kept: Mapping[str, str], next: str = "") -> Pages:
    """Around the page that is asked for. `kept`: what else the addresses say; `next`: the cursor of the next
    page, "" behind the last."""
    trail = _trail(visit)
    return Pages(
        first=_address(kept, []) if len(trail) > 1 else "",
        previous=_address(kept, trail[:-1]) if trail else "",
        next=_address(kept, [*trail, next]) if next else "",
        is_first=not trail,
    )


def shown(visit: Visit, rows: Sequence[Row], name_of: Callable[[Row], str]) -> dict[str, Any]:
    """What a template shows of the rows of `part_of`: `rows`, `pages`, and the `text` that was looked for.
    `name_of`: a row's cursor."""
    text = visit.query(_TEXT)[:_LONGEST_TEXT]
    following = name_of(rows[ROWS - 1]) if len(rows) > ROWS else ""
    return {"rows": rows[:ROWS], "text": text, "pages": pages(visit, {_TEXT: text}, following)}


def sliced(visit: Visit, rows: Sequence[Row], kept: Mapping[str, str]) -> tuple[Sequence[Row], Pages]:
    """A page of rows that are all known (figures that workers keep): its cursor is a number of rows."""
    start = position(visit)
    end = start + ROWS
    return rows[start:end], pages(visit, kept, str(end) if len(rows) > end else "")


def again(visit: Visit, kept: Mapping[str, str]) -> str:
    """The query of this very page, for a piece that asks for itself."""
    return _address(kept, _trail(visit))


def _trail(visit: Visit) -> list[str]:
    given = visit.request.query_params.getlist(_AFTER)
    return [cursor for cursor in given if cursor and "\0" not in cursor and "\ufffd" not in cursor]


def _address(kept: Mapping[str, str], trail: Sequence[str]) -> str:
    while len(trail) > 1 and sum(map(len, trail)) > _LONGEST_TRAIL:
        trail = trail[1:]
    words = [(name, value) for name, value in kept.items() if value]
    return "?" + urlencode([*words, *((_AFTER, cursor) for cursor in trail)])
