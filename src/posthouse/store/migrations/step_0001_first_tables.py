"""Step 1: the tables of the first release, their indexes, and the rows of `mark`."""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, CreateTable

from posthouse.store.connection import Connection
from posthouse.store.statement import ddl, rows_insert
from posthouse.store.tables import (
    account,
    capture,
    content,
    counter,
    credential,
    delivery,
    domain,
    domain_key,
    event,
    event_todo,
    mark,
    message,
    nudge,
    worker,
)

_TABLES = (
    mark,
    account,
    domain,
    domain_key,
    credential,
    message,
    content,
    delivery,
    event,
    event_todo,
    counter,
    capture,
    worker,
    nudge,
)
_MARKS = ("identity", "probe", "sweeper")
_put_marks = rows_insert(mark)


def run(connection: Connection) -> None:
    """Make everything; the transaction is the caller's."""
    for table in _TABLES:
        connection.script(ddl(CreateTable(table), connection.engine.name))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.script(ddl(CreateIndex(index), connection.engine.name))
    connection.put(_put_marks, [(name, 0, "") for name in _MARKS])
