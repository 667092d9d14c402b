"""What an account has here: counted, and removed with it.

Domains, credentials and memberships hang on the account's row and go with it; assets (templates, lists,
groups, …) name the account in a plain column and are removed here. Messages and events stay until their time
is over.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.schema import Table

from posthouse.model.lane import lanes_between
from posthouse.store.asset_tables import batch, contact, ip, pool, suppression, template, unsub_group
from posthouse.store.connection import Connection
from posthouse.store.event_tables import allowed
from posthouse.store.identity_tables import credential, domain, membership
from posthouse.store.statement import Statement
from posthouse.store.tables import capture, delivery, word
from posthouse.store.versions import raise_identity

KEPT: dict[str, Table] = {
    "templates": template,
    "suppressions": suppression,
    "allowed": allowed,
    "groups": unsub_group,
    "contacts": contact,
    "batches": batch,
    "pools": pool,
    "addresses": ip,
    "captured": capture,
}
"""Tables that name the account in a plain column, by what people call their rows."""


def _counting(table: Table) -> Statement:
    counted = select(func.count()).select_from(table).where(table.c.account_id == bindparam("of_account"))
    if table is credential:
        counted = counted.where(credential.c.revoked_at.is_(None))
    return Statement(counted, "of_account")


_counts = {
    name: _counting(table)
    for name, table in {
        "domains": domain,
        "credentials": credential,
        "people": membership,
        **KEPT,
    }.items()
}
_removals = [
    Statement(delete(table).where(table.c.account_id == bindparam("of_account")), "of_account")
    for table in KEPT.values()
]
# one count a state, so that each finds its partial index
_open = [
    Statement(
        select(func.count()).where(
            delivery.c.state == word(state),
            delivery.c.lane > bindparam("first"),
            delivery.c.lane < bindparam("end"),
        ),
        "first",
        "end",
    )
    for state in ("waiting", "taken", "held")
]


def counts(conn: Connection, account_id: str) -> dict[str, int]:
    """What an account has, by the name of the kind; kinds of which it has none too."""
    return {name: int(conn.rows(statement, account_id)[0][0]) for name, statement in _counts.items()}


def open_deliveries(conn: Connection, account_id: str) -> int:
    """Its deliveries that wait, are being sent or are held."""
    return sum(int(conn.rows(statement, *lanes_between(account_id))[0][0]) for statement in _open)


def remove_assets(conn: Connection, account_id: str) -> None:
    """Everything that names the account in a plain column; the account's row and what hangs on it stay."""
    for statement in _removals:
        conn.change(statement, account_id)
    raise_identity(conn)
