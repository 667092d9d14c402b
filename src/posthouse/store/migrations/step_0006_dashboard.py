"""Step 6: who changed what."""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, CreateTable

from posthouse.store.connection import Connection
from posthouse.store.dashboard_tables import DASHBOARD_TABLES
from posthouse.store.statement import ddl


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for new in DASHBOARD_TABLES:
        connection.script(ddl(CreateTable(new), engine))
        for index in sorted(new.indexes, key=lambda index: str(index.name)):
            connection.script(ddl(CreateIndex(index), engine))
