"""Step 8: the names of lanes begin with the account, so that an account's lanes lie side by side in the
indexes of what waits and of what is held; and those indexes are read without looking at the rows.

Only what is open is named anew: nobody looks for the lane of what is done."""

from __future__ import annotations

from sqlalchemy.schema import CreateIndex

from posthouse.store.connection import Connection
from posthouse.store.statement import ddl
from posthouse.store.tables import delivery

# "domain|account|class" -> "account|domain|class"; what finds the first bar counts from 1
_BAR = {"sqlite": "instr(lane, '|')", "postgresql": "strpos(lane, '|')"}
_NEW = ("delivery_waiting", "delivery_held")


def run(connection: Connection) -> None:
    """Change everything; the transaction is the caller's."""
    engine = connection.engine.name
    bar = _BAR[engine]
    for state in ("waiting", "taken", "held"):  # one each, so that it finds its index
        connection.script(
            f"UPDATE delivery SET lane = account_id || '|' || substr(lane, 1, {bar})"  # noqa: S608 (texts of ours)
            f" || substr(lane, {bar} + length(account_id) + 2) WHERE state = '{state}'"
        )
    for index in sorted(delivery.indexes, key=lambda index: str(index.name)):
        if index.name in _NEW:
            connection.script(f"DROP INDEX {index.name}")
            connection.script(ddl(CreateIndex(index), engine))
