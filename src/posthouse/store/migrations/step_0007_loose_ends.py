"""Step 7: credentials that expire; a key that signs posts may go on beside the one that follows it."""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import hook_key
from posthouse.store.statement import ddl


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    connection.script("ALTER TABLE credential ADD COLUMN expires_at FLOAT")
    connection.script("ALTER TABLE hook_key ADD COLUMN ends_at FLOAT NOT NULL DEFAULT 0")
    connection.script("DROP INDEX hook_key_of")
    for index in sorted(hook_key.indexes, key=lambda index: str(index.name)):
        connection.script(ddl(CreateIndex(index), engine))
