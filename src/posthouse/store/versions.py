"""Numbers that rise with changes that workers must learn of: the identity version for changes made outside
`identity` (what they keep in memory with who is who), and that of what stops mail."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from posthouse.store.tables import mark, word

_raise = Statement(update(mark).where(mark.c.name == word("identity")).values(number=mark.c.number + 1))


_first = upsert_into(mark).values(name=word("stops"), number=bindparam("first"), value=word(""))
_raise_stops = Statement(
    _first.on_conflict_do_update(index_elements=[mark.c.name], set_={"number": mark.c.number + 1}), "first"
)
_stops = Statement(select(mark.c.number).where(mark.c.name == word("stops")))


def raise_identity(conn: Connection) -> None:
    """Workers load their view anew within a second; in the transaction of the change."""
    conn.change(_raise)


def raise_stops(conn: Connection) -> None:
    """Workers look at what they have in memory within a second (`pipeline.recall`); in the transaction of the
    change, as late as may be: whoever else raises it waits."""
    conn.change(_raise_stops, 1)


def stops_version(conn: Connection) -> int:
    """Differs from every earlier one when something has begun to stop mail since."""
    row = conn.row(_stops)
    return int(row[0]) if row else 0
