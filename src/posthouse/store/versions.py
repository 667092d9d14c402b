"""The identity version for changes made outside `identity`: what workers keep in memory with who is who."""

from __future__ import annotations

from sqlalchemy import update

from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from posthouse.store.tables import mark, word

_raise = Statement(update(mark).where(mark.c.name == word("identity")).values(number=mark.c.number + 1))


def raise_identity(conn: Connection) -> None:
    """Workers load their view anew within a second; in the transaction of the change."""
    conn.change(_raise)
