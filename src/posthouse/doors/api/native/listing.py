"""Lists in pages: which part is asked for, and the answer with the cursor of the next one.

Public: Listing, Positions, part_of, page_of, sliced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from posthouse.doors.api.answers import Answer
from posthouse.doors.api.native.endpoint import many
from posthouse.store.parts import Part

Cursor = Annotated[str, Meta(max_length=500, description="`next` of the page before.")]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Row = TypeVar("Row")


class Listing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of them, in their order."""

    text: Annotated[str, Meta(max_length=200, description="Only what has this in its name, in any case.")] = (
        ""
    )
    cursor: Cursor = ""
    limit: Limit = 100


class Positions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of them, of figures that change all the time: a row may stand on another page by then."""

    cursor: Annotated[str, Meta(pattern="^[0-9]{0,9}$", description="`next` of the page before.")] = ""
    limit: Limit = 1000


def part_of(asked: Listing) -> Part:
    """The part of the list, and one row more to know whether others follow."""
    return Part(asked.cursor, asked.text, asked.limit + 1)


def page_of(kind: Any, rows: Sequence[Row], asked: Listing, name_of: Callable[[Row], str]) -> Answer:
    """The rows of `part_of`. `name_of`: a row's cursor."""
    following = name_of(rows[asked.limit - 1]) if len(rows) > asked.limit else ""
    return many(kind, rows[: asked.limit], following)


def sliced(kind: Any, rows: Sequence[Any], asked: Positions) -> Answer:
    """A page of rows that are all known."""
    start = int(asked.cursor or 0)
    end = start + asked.limit
    return many(kind, rows[start:end], str(end) if len(rows) > end else "")
