"""The schema's steps: killed half-way, run twice, run by two at once, newer than the code (F14)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.schema import CreateIndex

from posthouse.store import migrations, queue
from posthouse.store.connection import Connection
from posthouse.store.engine import StoreError, connect, migrate, open_store
from posthouse.store.migrations import STEPS, Step, check_schema, migrate_with
from posthouse.store.statement import ddl
from posthouse.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that was never migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/posthouse.db"
    else:
        yield request.getfixturevalue("postgres_server").fresh_database()


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    migrate(empty_url)
    migrate(empty_url)
    with connect(empty_url) as conn:
        check_schema(conn)
        assert conn.script("select number from schema_step") == [(1,)]


def test_all_tables_of_the_code_are_there(store_url: str, conn: Connection) -> None:
    for table in metadata.sorted_tables:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        assert conn.script(f'select {columns} from "{table.name}" where 1 = 0') == []
        for index in table.indexes:
            with pytest.raises(Exception, match="already exists"):
                conn.script(ddl(CreateIndex(index), conn.engine.name))


def test_an_unmigrated_store_is_not_opened(empty_url: str) -> None:
    import asyncio

    with asyncio.Runner() as runner, pytest.raises(StoreError, match="not migrated"):
        open_store(empty_url, runner.get_loop())


def test_a_step_that_dies_leaves_nothing_and_the_next_start_goes_on(conn: Connection) -> None:
    def dies(connection: Connection) -> None:
        connection.script("create table half (x integer)")
        raise KeyError("killed")

    def works(connection: Connection) -> None:
        connection.script("create table half (x integer)")

    last = Step(3, "last", lambda connection: None)
    with pytest.raises(KeyError):
        migrate_with(conn, (*STEPS, Step(2, "second", dies), last))
    with pytest.raises(StoreError, match="schema 1, this Posthouse needs 3"):
        check_schema(conn, (*STEPS, Step(2, "second", works), last))
    migrate_with(conn, (*STEPS, Step(2, "second", works), last))
    assert conn.script("select number, name from schema_step order by number")[1:] == [
        (2, "second"),
        (3, "last"),
    ]


def test_a_newer_schema_is_refused_with_a_clear_sentence(store_url: str, conn: Connection) -> None:
    migrate_with(conn, (*STEPS, Step(2, "of tomorrow", lambda connection: None)))
    with pytest.raises(StoreError, match=r"newer Posthouse \(its schema is 2, this one knows 1\)"):
        migrate(store_url)


def test_two_that_start_at_once_migrate_once(empty_url: str) -> None:
    problems: list[BaseException] = []

    def start() -> None:
        try:
            migrate(empty_url)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with connect(empty_url) as conn:
        assert sum(queue.counts(conn).values()) == 0
    assert migrations.STEPS[-1].number == len(migrations.STEPS)
