"""PostgreSQL: stopped, restarted and frozen servers, what errors mean, durability (R8, F20, F21, F22)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import psycopg
import pytest
from psycopg import errors

from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.store import engine as engine_module
from posthouse.store import messages, postgres, queue
from posthouse.store.engine import Store, StoreError, backup, connect, migrate, open_store, serving_lock
from posthouse.store.postgres import Postgres
from posthouse.store.trouble import Trouble
from store.conftest import PostgresServer
from store.letters import letter


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (errors.DiskFull("x"), Trouble.FULL),
        (errors.TooManyConnections("x"), Trouble.AWAY),
        (errors.AdminShutdown("x"), Trouble.LOST),
        (errors.CrashShutdown("x"), Trouble.LOST),
        (errors.QueryCanceled("x"), Trouble.AWAY),
        (errors.LockNotAvailable("x"), Trouble.AWAY),
        (errors.ReadOnlySqlTransaction("x"), Trouble.AWAY),
        (errors.IoError("x"), Trouble.AWAY),
        (errors.DeadlockDetected("x"), Trouble.CLASH),
        (errors.SerializationFailure("x"), Trouble.CLASH),
        (psycopg.OperationalError("server closed the connection unexpectedly"), Trouble.LOST),
        (psycopg.InterfaceError("the connection is closed"), Trouble.LOST),
        (ConnectionRefusedError(), Trouble.AWAY),
        (errors.UniqueViolation("x"), Trouble.DATA),
        (errors.UntranslatableCharacter("x"), Trouble.DATA),
        (errors.UndefinedTable("x"), Trouble.DATA),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), Trouble.DATA),
        (ValueError("x"), Trouble.DATA),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.value,
)
def test_what_an_error_means(error: BaseException, trouble: Trouble) -> None:
    assert Postgres("x").classify(error) is trouble


async def recovered(store: Store, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while store.is_away:
            await asyncio.sleep(0.01)


async def test_a_restarted_server_is_found_again(own_postgres: PostgresServer) -> None:  # F20
    url = own_postgres.fresh_database()
    migrate(url)
    store = open_store(url, asyncio.get_running_loop(), writers=2)
    before = letter("a@one.test")
    await store.write(messages.add_accepted, before)
    await store.read(queue.counts)
    await asyncio.to_thread(own_postgres.stop)
    begun = time.monotonic()
    with pytest.raises(TryLater) as caught:
        await store.write(messages.add_accepted, letter("b@one.test"))
    assert (caught.value.code, caught.value.enhanced) == (451, "4.3.0")
    with pytest.raises(TryLater):
        await store.read(queue.counts)
    assert store.is_away
    assert time.monotonic() - begun < 2  # F21
    await asyncio.to_thread(own_postgres.start)
    await recovered(store)
    await store.write(messages.add_accepted, letter("c@one.test"))
    assert await store.read(messages.load_content, before.message.id) == before.content
    counts = await store.read(queue.counts)
    assert sum(counts.values()) == 2  # R3: the refused one is not there
    await store.close()


async def test_connections_cut_while_idle_cost_nobody_anything(own_postgres: PostgresServer) -> None:  # F22
    url = own_postgres.fresh_database()
    migrate(url)
    store = open_store(url, asyncio.get_running_loop())
    for _ in range(3):
        await store.write(messages.add_accepted, letter("a@one.test"))
        await store.read(queue.counts)
        with psycopg.connect(own_postgres.uri, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            )
    counts = await store.read(queue.counts)
    assert sum(counts.values()) == 3
    assert not store.is_away
    await store.close()


async def test_a_frozen_server_holds_nobody_for_long(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # F22
    monkeypatch.setattr(engine_module, "WATCH_S", 0.05)
    monkeypatch.setattr(engine_module, "SLOW_S", 0.3)
    monkeypatch.setattr(engine_module, "WRITE_LIMIT_S", 1.0)
    monkeypatch.setattr(engine_module, "READ_LIMIT_S", 1.0)
    monkeypatch.setitem(postgres._CONNECT_OPTIONS, "connect_timeout", 2)
    url = own_postgres.fresh_database()
    migrate(url)
    store = open_store(url, asyncio.get_running_loop())
    await store.write(messages.add_accepted, letter("a@one.test"))
    backends = frozen(own_postgres)
    try:
        async with asyncio.timeout(15):
            first = store.write(messages.add_accepted, letter("b@one.test"))
            while not store.is_away:
                await asyncio.sleep(0.01)
            with pytest.raises(TryLater):  # at once
                await store.write(messages.add_accepted, letter("c@one.test"))
            with pytest.raises((TryLater, CommitInDoubt)):
                await first
            with pytest.raises(TryLater):
                await store.read(queue.counts)
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    await recovered(store, 10)
    await store.write(messages.add_accepted, letter("d@one.test"))
    await store.close()


def frozen(server: PostgresServer) -> list[int]:
    """Stop the server and all its processes where they are."""
    import psutil

    postmaster = psutil.Process(server.pid())
    pids = [postmaster.pid, *[child.pid for child in postmaster.children(recursive=True)]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


def test_settings_that_lose_mail_are_told(own_postgres: PostgresServer) -> None:
    url = own_postgres.fresh_database()
    with connect(url) as conn:
        assert conn.durability_warnings() == []
        conn.script("set synchronous_commit = off")
        (warning,) = conn.durability_warnings()
    assert "synchronous_commit = off" in warning


def test_a_statement_that_takes_too_long_is_ended_by_the_server(own_postgres: PostgresServer) -> None:
    with connect(own_postgres.uri) as conn:
        assert conn.script("show statement_timeout") == [("30s",)]
        conn.script("set statement_timeout = '50ms'")
        with pytest.raises(TryLater), conn.transaction():
            conn.script("select pg_sleep(10)")
        assert conn.script("select 1") == [(1,)]


def test_a_commit_that_answers_rollback_is_an_error(own_postgres: PostgresServer) -> None:
    with connect(own_postgres.uri) as conn, pytest.raises(RuntimeError, match="rolled back"):
        conn.begin()
        with pytest.raises(psycopg.Error):
            conn.script("select nonsense")
        conn.commit()


def test_backup_names_the_tool_and_serving_needs_no_lock() -> None:
    with pytest.raises(StoreError, match="pg_dump"):
        backup("postgresql://host/db", "file")
    assert serving_lock("postgresql://host/db") is None


def test_a_missing_driver_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    missing: Any = None
    monkeypatch.setitem(sys.modules, "psycopg", missing)
    with pytest.raises(StoreError, match=r"posthouse\[postgres\]"), connect("postgresql://host/db"):
        pass
