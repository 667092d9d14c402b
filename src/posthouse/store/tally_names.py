"""The names that are counted by, and how many of them an account may have.

Tags come from senders and sites from whoever receives mail, so both could be made up without end. A name that
finds no more room is counted under one name for all such.

Public: TallyName, admit, room_for, list_names, count_names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.connection import Connection
from posthouse.store.event_tables import tally_name
from posthouse.store.rows import harmless
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.tables import mark, word

Name = tuple[str, str, str]
"""account id, dim, name."""

_SEEN_S = 3600.0  # how exact `last_at` is: a write an hour and name


@dataclass(frozen=True, slots=True)
class TallyName:
    """A name with counters, first and last seen (UTC, the last one to the hour)."""

    account_id: str
    dim: str
    name: str
    first_at: float
    last_at: float


_text = given_key(tally_name.c.name.type)[0][1]
_find = RowsStatement(
    [("of_account", _text), ("by_dim", _text), ("of_name", _text)],
    lambda given: select(tally_name).join(
        given,
        (tally_name.c.account_id == given.c.of_account)
        & (tally_name.c.dim == given.c.by_dim)
        & (tally_name.c.name == given.c.of_name),
    ),
    most=100,
)
_fresh = upsert_into(tally_name).values(
    {column.name: bindparam(column.name) for column in tally_name.columns}
)
_put = Statement(
    _fresh.on_conflict_do_update(
        index_elements=list(tally_name.primary_key.columns), set_={"last_at": _fresh.excluded.last_at}
    ),
    *[column.name for column in tally_name.columns],
)
_of_dim = (
    tally_name.c.account_id == bindparam("of_account"),
    tally_name.c.dim == bindparam("by_dim"),
)
_count = Statement(select(func.count()).where(*_of_dim), "of_account", "by_dim")
_turn = upsert_into(mark).values(name=word("tally names"), number=bindparam("first"), value=word(""))
_take_turn = Statement(
    _turn.on_conflict_do_update(index_elements=[mark.c.name], set_={"number": mark.c.number + 1}), "first"
)


def admit(
    conn: Connection, seen: Mapping[Name, float], most: Mapping[str, int], other: str
) -> dict[Name, str]:
    """Under which name each of these is counted: its own, or `other` where its dim has no more room.

    `seen`: when. `most`: by dim; dims that are not in it have one name and need no room. For write
    transactions.
    """
    wanted = _wanted(seen, most)
    known = _known(conn, wanted.values())
    if any(name not in known for name in wanted.values()):
        # who makes names does so alone: else two might take the last room at once
        conn.change(_take_turn, 1)
        known = _known(conn, wanted.values())
    room = _Room(conn, most)
    for raw, name in wanted.items():
        at = seen[raw]
        if name in known:
            if known[name] < at - _SEEN_S:
                known[name] = at
                conn.change(_put, *name, at, at)
        elif room.take(name):
            known[name] = at
            conn.change(_put, *name, at, at)
    return _answers(seen, wanted, known, other)


def room_for(
    conn: Connection, seen: Mapping[Name, float], most: Mapping[str, int], other: str, granted: set[Name]
) -> dict[Name, str]:
    """The same answer without making any name; for reading. `granted`: names that were given room in earlier
    calls; new ones are put in."""
    wanted = _wanted(seen, most)
    known = _known(conn, wanted.values()) | dict.fromkeys(granted, 0.0)
    room = _Room(conn, most, granted)
    for name in wanted.values():
        if name not in known and room.take(name):
            known[name] = 0.0
            granted.add(name)
    return _answers(seen, wanted, known, other)


def _wanted(seen: Mapping[Name, float], most: Mapping[str, int]) -> dict[Name, Name]:
    """In one order for all: no deadlock between two that do this at once."""
    return {
        (account_id, dim, name): (account_id, dim, harmless(name))
        for account_id, dim, name in sorted(seen)
        if dim in most
    }


def _answers(
    seen: Mapping[Name, float], wanted: Mapping[Name, Name], known: Mapping[Name, float], other: str
) -> dict[Name, str]:
    return {
        raw: raw[2] if raw not in wanted else wanted[raw][2] if wanted[raw] in known else other
        for raw in seen
    }


def _known(conn: Connection, names: Iterable[Name]) -> dict[Name, float]:
    """Those that have counters, and when they were seen last."""
    rows = conn.answers(_find, list(dict.fromkeys(names)))
    return {(account_id, dim, name): last_at for account_id, dim, name, _, last_at in rows}


class _Room:
    """How many more names there may be, asked of the store once a dim."""

    def __init__(self, conn: Connection, most: Mapping[str, int], granted: Iterable[Name] = ()) -> None:
        self._conn = conn
        self._most = most
        self._granted = Counter((account_id, dim) for account_id, dim, _ in granted)
        self._left: dict[tuple[str, str], int] = {}

    def take(self, name: Name) -> bool:
        account_id, dim, _ = name
        if (account_id, dim) not in self._left:
            taken = count_names(self._conn, account_id, dim) + self._granted[account_id, dim]
            self._left[account_id, dim] = self._most[dim] - taken
        self._left[account_id, dim] -= 1
        return self._left[account_id, dim] >= 0


def count_names(conn: Connection, account_id: str, dim: str) -> int:
    """How many names of a dim an account has."""
    return int(conn.rows(_count, account_id, dim)[0][0])


_list = Statement(
    select(tally_name)
    .where(*_of_dim, tally_name.c.name > bindparam("after"))
    .order_by(tally_name.c.name)
    .limit(bindparam("most")),
    "of_account",
    "by_dim",
    "after",
    "most",
)


def list_names(
    conn: Connection, account_id: str, dim: str, limit: int = 100, after: str = ""
) -> list[TallyName]:
    """One page of the names of a dim in their order; `after` is the last name of the page before."""
    return [TallyName(*row) for row in conn.rows(_list, account_id, dim, after, limit)]
