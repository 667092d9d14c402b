"""Lists of what an account has, in parts: from a place on, and only what has a text in its name.

A part begins behind the name of the last row of the part before (keyset paging): what is added or removed
meanwhile moves no other row from one part to another.

Public: Part, EVERYTHING, Parted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, or_
from sqlalchemy.sql.elements import ColumnElement

from posthouse.store.connection import Connection, Row
from posthouse.store.rows import containing, harmless
from posthouse.store.statement import Statement


@dataclass(frozen=True, slots=True)
class Part:
    """Up to `most` rows behind the one of the name `after` ("": from the start), with `text` in what people
    know them by, in any case."""

    after: str = ""
    text: str = ""
    most: int = 2**31 - 1


EVERYTHING = Part()


class Parted:
    """A list in the order of `key`, which no two of its rows share; `searched`: where `Part.text` may stand.
    `names`: the query's parameters in the order in which callers give the values."""

    __slots__ = ("_all", "_found", "_start")

    def __init__(
        self,
        query: Select[Any],
        *names: str,
        key: ColumnElement[Any],
        searched: tuple[ColumnElement[str], ...],
        start: str | int = "",
    ) -> None:
        self._start = start
        query = query.where(key > bindparam("after")).order_by(key).limit(bindparam("most"))
        has_text = or_(*[func.lower(name).like(bindparam("text"), escape="!") for name in searched])
        self._all = Statement(query, *names, "after", "most")
        self._found = Statement(query.where(has_text), *names, "after", "text", "most")

    def rows(self, conn: Connection, part: Part, *values: Any) -> list[Row]:
        """The part's rows. A list by number takes only numbers for `after`: others begin it anew."""
        text = harmless(part.after)
        after: str | int = text
        if isinstance(self._start, int):
            after = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else self._start
        if part.text:
            return conn.rows(self._found, *values, after, containing(harmless(part.text)), part.most)
        return conn.rows(self._all, *values, after, part.most)
