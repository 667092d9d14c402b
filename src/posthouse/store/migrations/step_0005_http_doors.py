"""Step 5: answers that are given once, senders, notes about tags; what services add to templates; lists of
suppressed addresses page by page and by time.

Columns are added with an empty default, which costs the same for an empty and for a large store.
"""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, CreateTable

from posthouse.store.api_tables import API_TABLES
from posthouse.store.asset_tables import suppression
from posthouse.store.connection import Connection
from posthouse.store.statement import ddl

_TEXT = {"sqlite": "TEXT NOT NULL DEFAULT ''", "postgresql": "TEXT COLLATE \"C\" NOT NULL DEFAULT ''"}


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for table in ("template", "template_version"):
        connection.script(f"ALTER TABLE {table} ADD COLUMN more {_TEXT[engine]}")
    for new in API_TABLES:
        connection.script(ddl(CreateTable(new), engine))
    for indexed in (*API_TABLES, suppression):  # the latter has no other
        for index in sorted(indexed.indexes, key=lambda index: str(index.name)):
            connection.script(ddl(CreateIndex(index), engine))
