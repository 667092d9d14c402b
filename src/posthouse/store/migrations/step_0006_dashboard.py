"""Step 6: who changed what; whose a captured copy is; what a pool of addresses is for."""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, CreateTable

from posthouse.store.connection import Connection
from posthouse.store.dashboard_tables import DASHBOARD_TABLES
from posthouse.store.statement import ddl
from posthouse.store.tables import capture

_TEXT = {"sqlite": "TEXT NOT NULL DEFAULT ''", "postgresql": "TEXT COLLATE \"C\" NOT NULL DEFAULT ''"}


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for new in DASHBOARD_TABLES:
        connection.script(ddl(CreateTable(new), engine))
    connection.script(f"ALTER TABLE pool ADD COLUMN description {_TEXT[engine]}")
    for column in ("account_id", "credential_id"):
        connection.script(f"ALTER TABLE capture ADD COLUMN {column} {_TEXT[engine]}")
        connection.script(
            f"UPDATE capture SET {column} = coalesce("  # noqa: S608 (names of ours)
            f"(SELECT {column} FROM message WHERE message.id = capture.message_id), '')"
        )
    for indexed in (*DASHBOARD_TABLES, capture):  # the latter has no other
        for index in sorted(indexed.indexes, key=lambda index: str(index.name)):
            connection.script(ddl(CreateIndex(index), engine))
