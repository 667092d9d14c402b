"""Step 4: labels of events, an outbox in bundles, counters by more than the domain, posts to receivers.

What the old outbox still holds goes on into the new one; the hourly counters become both hours and days.
"""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, CreateTable, Table

from posthouse.store.connection import Connection
from posthouse.store.event_tables import EVENT_TABLES, outbox
from posthouse.store.statement import ddl
from posthouse.store.tables import event

_TEXT = {"sqlite": "TEXT NOT NULL DEFAULT ''", "postgresql": "TEXT COLLATE \"C\" NOT NULL DEFAULT ''"}
_BUNDLE = 100
_BY = (("account", "''"), ("domain", "domain"))
_SPANS = (("hour", "hour"), ("day", "hour / 24"))


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for column in ("author", "addressed"):
        connection.script(f"ALTER TABLE message ADD COLUMN {column} {_TEXT[engine]}")
    for new in EVENT_TABLES:
        _make(connection, new)
    _make_index(connection, event, "event_kind")
    _move_outbox(connection)
    _move_counters(connection)


def _move_outbox(connection: Connection) -> None:
    last = ""
    while True:
        rows = connection.script(
            f"SELECT event_id FROM event_todo WHERE event_id > '{last}' ORDER BY event_id LIMIT {_BUNDLE}"  # noqa: S608 (ids of our own)
        )
        if not rows:
            break
        ids, last = [row[0] for row in rows], rows[-1][0]
        joined = "\n".join(ids)
        connection.script(f"INSERT INTO {outbox.name} (first_id, ids) VALUES ('{ids[0]}', '{joined}')")  # noqa: S608
    connection.script("DROP TABLE event_todo")


def _move_counters(connection: Connection) -> None:
    for span, at in _SPANS:
        for dim, name in _BY:
            connection.script(
                "INSERT INTO tally (account_id, dim, name, span, at, metric, count) "  # noqa: S608
                f"SELECT account_id, '{dim}', {name}, '{span}', {at}, kind, sum(count) FROM counter "
                f"GROUP BY account_id, {at}, kind{', domain' if dim == 'domain' else ''}"
            )
    connection.script("DROP TABLE counter")


def _make(connection: Connection, table: Table) -> None:
    connection.script(ddl(CreateTable(table), connection.engine.name))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.script(ddl(CreateIndex(index), connection.engine.name))


def _make_index(connection: Connection, table: Table, name: str) -> None:
    index = next(index for index in table.indexes if index.name == name)
    connection.script(ddl(CreateIndex(index), connection.engine.name))
