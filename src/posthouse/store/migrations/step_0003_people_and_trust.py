"""Step 3: people, accounts with settings, states of keys, what DNS and receiving hosts told us.

Columns are added with an empty default, which costs the same for an empty and for a large store.
"""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex, Table

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import (
    account_cap,
    credential_use,
    domain_check,
    hook_key,
    membership,
    person,
    session,
)
from posthouse.store.migrations.step_0001_first_tables import without
from posthouse.store.site_tables import SITE_TABLES
from posthouse.store.statement import ddl

_TEXT = {"sqlite": "TEXT NOT NULL DEFAULT ''", "postgresql": "TEXT COLLATE \"C\" NOT NULL DEFAULT ''"}
_INSTANT = {"sqlite": "FLOAT NOT NULL DEFAULT 0", "postgresql": "FLOAT NOT NULL DEFAULT 0"}
_ADDED = (
    ("account", "created_at", _INSTANT),
    ("account", "settings", _TEXT),
    ("domain_key", "state", _TEXT),
    ("domain_key", "since", _INSTANT),
    ("credential", "ranges", _TEXT),
    ("credential", "limits", _TEXT),
    ("ip", "warmup", _TEXT),
)
_LATER = {"hook_key": {"ends_at"}}
_LATER_INDEXES = {"hook_key_of", "hook_key_newest"}
_NEW = (domain_check, credential_use, hook_key, person, membership, session, account_cap, *SITE_TABLES)


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    for table, column, kind in _ADDED:
        connection.script(f"ALTER TABLE {table} ADD COLUMN {column} {kind[engine]}")
    connection.script(
        "UPDATE domain_key SET state = CASE WHEN active = 1 THEN 'active' ELSE 'retiring' END, "
        "since = (SELECT created_at FROM domain WHERE domain.id = domain_key.domain_id)"
    )
    connection.script("ALTER TABLE domain_key DROP COLUMN active")
    connection.script("DROP INDEX domain_key_domain")
    connection.script("CREATE UNIQUE INDEX domain_key_selector ON domain_key (domain_id, selector)")
    connection.script("DELETE FROM quota")  # its scopes have other names now; the counts begin anew
    for new in _NEW:
        _make(connection, new)
    connection.script("CREATE UNIQUE INDEX hook_key_of ON hook_key (account_id, domain, dialect)")


def _make(connection: Connection, table: Table) -> None:
    engine = connection.engine.name
    connection.script(ddl(without(table, _LATER.get(table.name, set())), engine))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name not in _LATER_INDEXES:
            connection.script(ddl(CreateIndex(index), engine))
