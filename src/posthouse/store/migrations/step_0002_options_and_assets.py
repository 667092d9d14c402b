"""Step 2: what senders ask for, credentials of whole accounts, settings of domains, and the assets.

Columns are added with an empty default, which costs the same for an empty and for a large store.
"""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, Index, Table

from posthouse.store.asset_tables import ASSET_TABLES
from posthouse.store.connection import Connection
from posthouse.store.identity_tables import credential
from posthouse.store.migrations.step_0001_first_tables import without
from posthouse.store.statement import ddl
from posthouse.store.tables import message

_ADDED = (("domain", "settings"), ("message", "options"), ("message", "batch_id"), ("delivery", "personal"))
_LATER = {
    "credential": ("ranges", "limits", "expires_at"),
    "batch": ("keep_s",),
    "ip": ("warmup",),
    "pool": ("description",),
    "template": ("more",),
    "template_version": ("more",),
}
_LATER_INDEXES = ("suppression_page", "suppression_newest", "batch_limited")
_TEXT = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}
_KEPT = "id, account_id, domain_id, kind, login, secret_hash, created_at, revoked_at"


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for table, column in _ADDED:
        connection.script(f"ALTER TABLE {table} ADD COLUMN {column} {_TEXT[engine]} NOT NULL DEFAULT ''")
    connection.script(ddl(CreateIndex(_index(message, "message_batch")), engine))
    _remake_credentials(connection)
    for asset in ASSET_TABLES:
        _make(connection, asset)


def _remake_credentials(connection: Connection) -> None:
    """SQLite cannot drop a NOT NULL, so both engines take the same way round."""
    connection.script("CREATE TABLE credential_before AS SELECT * FROM credential")
    connection.script("DROP TABLE credential")
    _make(connection, credential)
    connection.script(
        f"INSERT INTO credential ({_KEPT}, dialect, permissions, name) "  # noqa: S608 (our own words)
        f"SELECT {_KEPT}, 'mailgun', 'mail.send', '' FROM credential_before"
    )
    connection.script("DROP TABLE credential_before")


def _make(connection: Connection, table: Table) -> None:
    engine = connection.engine.name
    connection.script(ddl(without(table, _LATER.get(table.name, ())), engine))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name not in _LATER_INDEXES:
            connection.script(ddl(CreateIndex(index), engine))


def _index(table: Table, name: str) -> Index:
    return next(index for index in table.indexes if index.name == name)
