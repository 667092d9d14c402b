"""Step 4: labels of events, an outbox in bundles, counters by more than the domain, posts to receivers.

What the old outbox still holds goes on into the new one; the hourly counters become both hours and days;
events that are there already can be found by their labels too.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.schema import CreateIndex, CreateTable, Table

from posthouse.store.connection import Connection
from posthouse.store.event_tables import EVENT_TABLES, event_label, outbox
from posthouse.store.rows import labels_of, to_event
from posthouse.store.statement import Statement, ddl, rows_insert
from posthouse.store.tables import event

_TEXT = {"sqlite": "TEXT NOT NULL DEFAULT ''", "postgresql": "TEXT COLLATE \"C\" NOT NULL DEFAULT ''"}
_BUNDLE = 100
_BY = (  # dim, its name, where it has one, and what to group by beside the rest
    ("account", "''", "", ""),
    ("domain", "domain", "WHERE domain <> '' ", ", domain"),
)
_SPANS = (("hour", "hour"), ("day", "hour / 24"))
_PART = 2000
_events = Statement(
    select(event).where(event.c.id > bindparam("after")).order_by(event.c.id).limit(bindparam("most")),
    "after",
    "most",
)
_put_labels = rows_insert(event_label)


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for column in ("author", "addressed"):
        connection.script(f"ALTER TABLE message ADD COLUMN {column} {_TEXT[engine]}")
    for new in EVENT_TABLES:
        _make(connection, new)
    for index in ("event_kind", "event_domain", "event_visit"):
        _make_index(connection, event, index)
    _label_events(connection)
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


def _label_events(connection: Connection) -> None:
    last = ""
    while rows := connection.rows(_events, last, _PART):
        connection.put(_put_labels, [label for row in rows for label in labels_of(to_event(row))])
        last = rows[-1][0]


def _move_counters(connection: Connection) -> None:
    for span, at in _SPANS:
        for dim, name, where, more in _BY:
            connection.script(
                "INSERT INTO tally (account_id, dim, name, span, at, metric, count) "  # noqa: S608
                f"SELECT account_id, '{dim}', {name}, '{span}', {at}, kind, sum(count) FROM counter "
                f"{where}GROUP BY account_id, {at}, kind{more}"
            )
    connection.script(
        "INSERT INTO tally_name (account_id, dim, name, first_at, last_at) "
        "SELECT account_id, 'domain', domain, min(hour) * 3600, max(hour) * 3600 FROM counter "
        "WHERE domain <> '' GROUP BY account_id, domain"
    )
    connection.script("DROP TABLE counter")


def _make(connection: Connection, table: Table) -> None:
    connection.script(ddl(CreateTable(table), connection.engine.name))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.script(ddl(CreateIndex(index), connection.engine.name))


def _make_index(connection: Connection, table: Table, name: str) -> None:
    index = next(index for index in table.indexes if index.name == name)
    connection.script(ddl(CreateIndex(index), connection.engine.name))
