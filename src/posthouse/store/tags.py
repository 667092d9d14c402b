"""Names that are counted by, as people manage tags: pages both ways, how many, notes, and forgetting one.

Public: page, count, find, notes, put_note, drop_note, forget, when_forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.api_tables import forgotten, tag_note
from posthouse.store.connection import Connection
from posthouse.store.event_tables import tally, tally_name
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.tally_names import TallyName

_LAST = "\U0010ffff"  # behind every name with the same beginning

_of_dim = (
    tally_name.c.account_id == bindparam("of_account"),
    tally_name.c.dim == bindparam("by_dim"),
)
_inside = (tally_name.c.name > bindparam("low"), tally_name.c.name < bindparam("high"))
_NAMES = ("of_account", "by_dim", "low", "high", "most")


def _page(*, is_backwards: bool) -> Statement:
    order = tally_name.c.name.desc() if is_backwards else tally_name.c.name
    return Statement(
        select(tally_name).where(*_of_dim, *_inside).order_by(order).limit(bindparam("most")), *_NAMES
    )


_forward, _back = _page(is_backwards=False), _page(is_backwards=True)
_count = Statement(select(func.count()).select_from(tally_name).where(*_of_dim, *_inside), *_NAMES[:4])
_find = Statement(
    select(tally_name).where(*_of_dim, tally_name.c.name == bindparam("of_name")),
    "of_account",
    "by_dim",
    "of_name",
)


def page(
    conn: Connection,
    account_id: str,
    dim: str,
    beginning: str,
    limit: int,
    *,
    after: str = "",
    before: str = "",
    from_end: bool = False,
) -> list[TallyName]:
    """Names of a dim that begin so and are longer than that, in their order: those behind `after`, or the
    last ones before `before` or before the end."""
    low, high = max(beginning, after), beginning + _LAST
    if before:
        high = min(high, before)
    statement = _back if before or from_end else _forward
    found = [TallyName(*row) for row in conn.rows(statement, account_id, dim, low, high, limit)]
    return found[::-1] if statement is _back else found


def count(conn: Connection, account_id: str, dim: str, beginning: str) -> int:
    """How many names begin so."""
    return int(conn.rows(_count, account_id, dim, beginning, beginning + _LAST)[0][0])


def find(conn: Connection, account_id: str, dim: str, name: str) -> TallyName | None:
    row = conn.row(_find, account_id, dim, name)
    return None if row is None else TallyName(*row)


# Notes

_notes = RowsStatement(
    [(name, given_key(tag_note.c.name.type)[0][1]) for name in ("of_account", "of_name")],
    lambda given: select(tag_note.c.name, tag_note.c.description).join(
        given, (tag_note.c.account_id == given.c.of_account) & (tag_note.c.name == given.c.of_name)
    ),
    most=100,
)
_fresh = upsert_into(tag_note).values({column.name: bindparam(column.name) for column in tag_note.columns})
_put_note = Statement(
    _fresh.on_conflict_do_update(
        index_elements=list(tag_note.primary_key.columns), set_={"description": _fresh.excluded.description}
    ),
    *[column.name for column in tag_note.columns],
)
_drop_note = Statement(
    delete(tag_note).where(
        tag_note.c.account_id == bindparam("of_account"), tag_note.c.name == bindparam("of_name")
    ),
    "of_account",
    "of_name",
)


def notes(conn: Connection, account_id: str, tags: Sequence[str]) -> dict[str, str]:
    """What people wrote about these tags, as far as they did."""
    rows = conn.answers(_notes, [(account_id, tag) for tag in dict.fromkeys(tags)])
    return {row[0]: row[1] for row in rows}


def put_note(conn: Connection, account_id: str, tag: str, description: str) -> None:
    """For write transactions."""
    conn.change(_put_note, account_id, tag, description)


def drop_note(conn: Connection, account_id: str, tag: str) -> None:
    conn.change(_drop_note, account_id, tag)


# Forgetting

_drop_counts = Statement(
    delete(tally).where(
        tally.c.account_id == bindparam("of_account"),
        tally.c.dim == bindparam("by_dim"),
        tally.c.name == bindparam("of_name"),
    ),
    "of_account",
    "by_dim",
    "of_name",
)
_drop_name = Statement(
    delete(tally_name).where(*_of_dim, tally_name.c.name == bindparam("of_name")),
    "of_account",
    "by_dim",
    "of_name",
)

_mark = upsert_into(forgotten).values({column.name: bindparam(column.name) for column in forgotten.columns})
_put_mark = Statement(
    _mark.on_conflict_do_update(
        index_elements=list(forgotten.primary_key.columns), set_={"at": _mark.excluded.at}
    ),
    *[column.name for column in forgotten.columns],
)
_marks = Statement(select(forgotten))


def forget(conn: Connection, account_id: str, dim: str, name: str, at: float) -> None:
    """Delete a name, if there is one, with all of its counters, and keep in mind when. For write
    transactions."""
    conn.change(_drop_counts, account_id, dim, name)
    if conn.change(_drop_name, account_id, dim, name):
        conn.change(_put_mark, account_id, dim, name, at)


def when_forgotten(conn: Connection) -> dict[tuple[str, str, str], float]:
    """Account, dim and name of all that was forgotten, and when last."""
    return {(account_id, dim, name): at for account_id, dim, name, at in conn.rows(_marks)}
