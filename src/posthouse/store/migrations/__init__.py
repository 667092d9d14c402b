"""The schema's steps, each run in one transaction together with its number.

A step that is killed leaves nothing; the next start goes on with it. A store with more steps than this code
knows is refused: an older Posthouse would not understand what the newer one wrote. On PostgreSQL an advisory
lock makes several machines take turns.

When `tables` changes, the new step carries the difference as DDL of its own, and the steps before it keep
making what they made: `step_0001…` names its tables and what to leave out of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.schema import CreateTable

from posthouse.store.connection import Connection
from posthouse.store.migrations import (
    step_0001_first_tables,
    step_0002_options_and_assets,
    step_0003_people_and_trust,
    step_0004_what_comes_back,
    step_0005_http_doors,
    step_0006_dashboard,
    step_0007_loose_ends,
    step_0008_lanes_of_accounts,
)
from posthouse.store.statement import Statement, ddl
from posthouse.store.tables import schema_step
from posthouse.store.trouble import StoreError, Trouble


class Step(NamedTuple):
    """One change of the schema: `run` works in an open transaction and must not end it."""

    number: int
    name: str
    run: Callable[[Connection], None]


STEPS: tuple[Step, ...] = (
    Step(1, "first tables", step_0001_first_tables.run),
    Step(2, "options and assets", step_0002_options_and_assets.run),
    Step(3, "people and trust", step_0003_people_and_trust.run),
    Step(4, "what comes back", step_0004_what_comes_back.run),
    Step(5, "http doors", step_0005_http_doors.run),
    Step(6, "dashboard", step_0006_dashboard.run),
    Step(7, "loose ends", step_0007_loose_ends.run),
    Step(8, "lanes of accounts", step_0008_lanes_of_accounts.run),
)

_ADVISORY_LOCK = 1886351220
_newest_taken = Statement(select(func.max(schema_step.c.number)))
_note_step = Statement(
    insert(schema_step).values(number=bindparam("number"), name=bindparam("name"), at=bindparam("at")),
    "number",
    "name",
    "at",
)


def migrate_with(connection: Connection, steps: tuple[Step, ...] = STEPS) -> None:
    """Take the steps that are missing. Raises StoreError for a newer schema."""
    with connection.transaction():
        _lock(connection)
        connection.script(ddl(CreateTable(schema_step, if_not_exists=True), connection.engine.name))
    for step in steps:
        with connection.transaction():
            _lock(connection)
            if _schema(connection) < step.number:
                step.run(connection)
                connection.change(_note_step, step.number, step.name, time.time())
    check_schema(connection, steps)


def check_schema(connection: Connection, steps: tuple[Step, ...] = STEPS) -> None:
    """Raise StoreError unless the store has exactly the schema of this code."""
    try:
        found = _schema(connection)
    except Exception as error:
        if connection.trouble(error) is not Trouble.DATA:
            raise
        found = 0  # no table of steps: an empty store
    newest = steps[-1].number
    if found > newest:
        raise StoreError(
            f"the store was written by a newer Posthouse (its schema is {found}, this one knows {newest}): "
            "install that version again, or restore a backup from before it"
        )
    if found < newest:
        raise StoreError(
            f"the store has schema {found}, this Posthouse needs {newest}: it was not migrated yet"
        )


def _schema(connection: Connection) -> int:
    row = connection.row(_newest_taken)
    return int(row[0] or 0) if row else 0


def _lock(connection: Connection) -> None:
    """Until the end of the transaction; on SQLite the transaction itself is the lock."""
    if connection.engine.name == "postgresql":
        connection.script("SET LOCAL statement_timeout = 0")  # a step over a large table takes its time
        connection.script("SET LOCAL lock_timeout = 0")
        connection.script(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
