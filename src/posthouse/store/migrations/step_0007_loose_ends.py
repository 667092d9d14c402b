"""Step 7: credentials that expire; a key that signs posts may go on beside the one that follows it; batches
whose pause is not for ever."""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex

from posthouse.store.asset_tables import batch
from posthouse.store.connection import Connection
from posthouse.store.identity_tables import hook_key
from posthouse.store.statement import ddl


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    connection.script("ALTER TABLE credential ADD COLUMN expires_at FLOAT")
    connection.script("ALTER TABLE hook_key ADD COLUMN ends_at FLOAT NOT NULL DEFAULT 0")
    connection.script("DROP INDEX hook_key_of")
    connection.script("ALTER TABLE batch ADD COLUMN keep_s FLOAT NOT NULL DEFAULT 0")
    for indexed in (hook_key, batch):  # the latter has no other
        for index in sorted(indexed.indexes, key=lambda index: str(index.name)):
            connection.script(ddl(CreateIndex(index), engine))
