"""Step 1: the tables of the first release, their indexes, and the rows of `mark`.

What later steps added to a table is left out by name; a table that a later step made anew stands here as it
was.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import account, domain
from posthouse.store.statement import ddl, rows_insert
from posthouse.store.tables import (
    capture,
    content,
    delivery,
    event,
    mark,
    message,
    nudge,
    worker,
)

_LATER = {
    "account": {"created_at", "settings"},
    "domain": {"settings"},
    "message": {"options", "batch_id", "author", "addressed"},
    "delivery": {"personal"},
    "capture": {"account_id", "credential_id"},
}
_LATER_INDEXES = {
    "delivery_waiting",
    "delivery_held",
    "message_batch",
    "event_kind",
    "event_domain",
    "event_visit",
    "capture_account",
    "capture_application",
}
_TEXT = account.c.id.type
credential = Table(
    "credential",
    MetaData(),
    Column("id", _TEXT, primary_key=True, nullable=False),
    Column("account_id", _TEXT, ForeignKey(account.c.id, ondelete="CASCADE"), nullable=False),
    Column("domain_id", _TEXT, ForeignKey(domain.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("login", _TEXT, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float, nullable=True),
)
Index(
    "credential_login",
    credential.c.login,
    unique=True,
    sqlite_where=credential.c.revoked_at.is_(None),
    postgresql_where=credential.c.revoked_at.is_(None),
)
domain_key = Table(
    "domain_key",
    MetaData(),
    Column("id", _TEXT, primary_key=True, nullable=False),
    Column("domain_id", _TEXT, ForeignKey(domain.c.id, ondelete="CASCADE"), nullable=False),
    Column("selector", _TEXT, nullable=False),
    Column("algorithm", _TEXT, nullable=False),
    Column("private", LargeBinary, nullable=False),
    Column("public", _TEXT, nullable=False),
    Column("active", Integer, nullable=False),
)
Index("domain_key_domain", domain_key.c.domain_id)
event_todo = Table(
    "event_todo",
    MetaData(),
    Column("consumer", _TEXT, primary_key=True, nullable=False),
    Column("event_id", _TEXT, primary_key=True, nullable=False),
    sqlite_with_rowid=False,
)
counter = Table(
    "counter",
    MetaData(),
    Column("hour", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("account_id", _TEXT, primary_key=True, nullable=False),
    Column("domain", _TEXT, primary_key=True, nullable=False),
    Column("kind", _TEXT, primary_key=True, nullable=False),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
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
_INDEXES_AS_THEY_WERE = (
    "CREATE INDEX delivery_waiting ON delivery (lane, due_at) WHERE state = 'waiting'",
    "CREATE INDEX delivery_held ON delivery (lane) WHERE state = 'held'",
)
_MARKS = ("identity", "probe", "sweeper")
_put_marks = rows_insert(mark)


def run(connection: Connection) -> None:
    """Make everything; the transaction is the caller's."""
    for table in _TABLES:
        connection.script(ddl(_as_it_was(table), connection.engine.name))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.name not in _LATER_INDEXES:
                connection.script(ddl(CreateIndex(index), connection.engine.name))
    for text in _INDEXES_AS_THEY_WERE:
        connection.script(text)
    connection.put(_put_marks, [(name, 0, "") for name in _MARKS])


def _as_it_was(table: Table) -> CreateTable:
    return without(table, _LATER.get(table.name, set()))


def without(table: Table, later: Collection[str]) -> CreateTable:
    """A table of today less the columns that a later step added."""
    made = CreateTable(table)
    made.columns = [column for column in made.columns if column.element.name not in later]
    return made
