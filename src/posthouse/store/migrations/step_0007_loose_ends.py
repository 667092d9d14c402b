"""Step 7: credentials that expire."""

from __future__ import annotations

from posthouse.store.connection import Connection


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    connection.script("ALTER TABLE credential ADD COLUMN expires_at FLOAT")
