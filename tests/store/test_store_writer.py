"""The writer: group commit, poison jobs, results in order, commits in doubt (R1, F3, F11)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.store import messages, queue
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, connect, each, open_store
from posthouse.store.writer import runs_apart
from store.letters import letter


@pytest_asyncio.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = open_store(store_url, asyncio.get_running_loop())
    yield opened
    await opened.close()


class Gate:
    """A job that holds the writer until the test lets it go, so that others gather behind it."""

    def __init__(self) -> None:
        self.is_running = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, conn: Connection, items: list[Any]) -> None:
        self.is_running.set()
        assert self.may_end.wait(20)


async def gathered(store: Store, *jobs: tuple[Any, Any]) -> list[Any]:
    """Submit `jobs` so that they become one group; results or errors in order."""
    gate = Gate()
    first = store.write(gate, None)
    await asyncio.to_thread(gate.is_running.wait, 20)
    futures = [store.write(fn, item) for fn, item in jobs]
    gate.may_end.set()
    await first
    return await asyncio.gather(*futures, return_exceptions=True)


async def test_jobs_that_gathered_run_once_per_function_in_order_of_arrival(store: Store) -> None:
    calls: list[tuple[str, list[int]]] = []

    def double(conn: Connection, items: list[int]) -> list[int]:
        calls.append(("double", items))
        return [2 * item for item in items]

    def note(conn: Connection, items: list[int]) -> None:
        calls.append(("note", items))

    results = await gathered(store, (note, 1), (double, 2), (note, 3), (double, 4))
    assert calls == [("note", [1, 3]), ("double", [2, 4])]
    assert results == [None, 4, None, 8]


async def test_done_is_called_after_the_commit(store: Store, store_url: str) -> None:
    item = letter("ann@one.test")
    done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def look(result: Any, error: BaseException | None) -> None:
        with connect(store_url) as other:  # another connection sees only what is committed
            done.set_result(error is None and messages.load_message(other, item.message.id) is not None)

    store.submit(messages.add_accepted, item, look)
    assert await done


async def test_a_poison_job_fails_alone(store: Store, store_url: str) -> None:
    good, other = letter("ann@one.test"), letter("bob@two.test")
    results = await gathered(
        store, (messages.add_accepted, good), (messages.add_accepted, good), (messages.add_accepted, other)
    )
    assert results[0] is None
    assert isinstance(results[1], Exception)
    assert not isinstance(results[1], TryLater)
    assert results[2] is None
    with connect(store_url) as conn:
        assert len(queue.lanes_due(conn, good.message.accepted_at, 10)) == 2


async def test_a_bug_in_one_function_does_not_fail_another(store: Store) -> None:
    def broken(conn: Connection, items: list[Any]) -> None:
        raise KeyError("a bug")

    item = letter("ann@one.test")
    results = await gathered(store, (broken, 1), (messages.add_accepted, item))
    assert isinstance(results[0], KeyError)
    assert results[1] is None


async def test_a_rollback_that_fails_costs_the_connection_not_the_next_job(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(conn: Connection, items: list[messages.Accepted]) -> None:
        messages.add_accepted(conn, items)
        raise KeyError("a bug")

    item = letter("ann@one.test")
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "rollback", lambda connection: None)
        with pytest.raises(KeyError):
            await store.write(half, item)
    await store.write(messages.add_accepted, letter("bob@one.test"))
    assert await store.read(messages.load_message, item.message.id) is None


async def test_a_listener_that_raises_does_not_silence_the_others(store: Store) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[Any] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))

    def deaf(result: Any, error: BaseException | None) -> None:
        raise ValueError("deaf")

    store.submit(each(queue.counts), (), deaf)
    await store.write(each(queue.counts), ())
    assert [type(complaint) for complaint in complaints] == [ValueError]


async def test_a_cancelled_waiter_does_not_undo_the_job(store: Store) -> None:
    item = letter("ann@one.test")
    store.write(messages.add_accepted, item).cancel()
    await store.write(each(queue.counts), ())
    assert await store.read(messages.load_content, item.message.id) == item.content


async def test_close_finishes_what_is_queued_and_refuses_the_rest(store_url: str) -> None:
    store = open_store(store_url, asyncio.get_running_loop())
    item = letter("ann@one.test")
    future = store.write(messages.add_accepted, item)
    await store.close()
    assert await future is None
    with pytest.raises(TryLater):
        await store.write(messages.add_accepted, letter())
    with pytest.raises(TryLater):
        await store.read(queue.counts)


async def test_several_writers_lose_nothing(store_url: str) -> None:
    store = open_store(store_url, asyncio.get_running_loop(), writers=3)
    items = [letter(f"u{number}@one.test") for number in range(60)]
    await asyncio.gather(*[store.write(messages.add_accepted, item) for item in items])
    found = await store.read(messages.load_many, [item.message.id for item in items])
    assert len(found) == 60
    await store.close()


class BreakingCommit:
    """`Connection.commit`, whose second call breaks: after the store committed, or before."""

    def __init__(self, *, holds: bool) -> None:
        self._holds = holds
        self._commit = Connection.commit
        self._calls = 0

    def __call__(self, connection: Connection) -> None:
        self._calls += 1
        if self._calls != 2:
            self._commit(connection)
        elif self._holds:
            self._commit(connection)
            raise CommitInDoubt("the answer was lost")
        elif connection.engine.name == "sqlite":
            connection._cursor = UnsyncedCursor()
            self._commit(connection)
        else:
            connection.break_off()
            self._commit(connection)


class UnsyncedCursor:
    """A cursor of SQLite on a disk whose sync fails."""

    def execute(self, text: str) -> None:
        broken = sqlite3.OperationalError("disk I/O error")
        broken.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise broken


@pytest.mark.parametrize("holds", [True, False], ids=["it holds", "it does not hold"])
async def test_a_commit_in_doubt_is_told_to_every_job_of_the_group(
    store: Store, monkeypatch: pytest.MonkeyPatch, holds: bool
) -> None:
    breaking = BreakingCommit(holds=holds)
    monkeypatch.setattr(Connection, "commit", lambda connection: breaking(connection))
    items = [letter("ann@one.test"), letter("bob@one.test")]
    results = await gathered(store, *[(messages.add_accepted, item) for item in items])
    assert [type(result) for result in results] == [CommitInDoubt, CommitInDoubt]
    await recovered(store)
    found = await store.read(messages.load_many, [item.message.id for item in items])
    assert len(found) == (2 if holds else 0)


async def recovered(store: Store, within_s: float = 30.0) -> None:
    """Until the store says that it works."""
    async with asyncio.timeout(within_s):
        while store.is_away:
            await asyncio.sleep(0.01)


async def test_what_runs_apart_holds_and_waits_for_nothing_of_its_group(store: Store, store_url: str) -> None:
    item = letter("ann@one.test")
    seen: list[tuple[list[int], bool]] = []

    @runs_apart
    def look(conn: Connection, items: list[int]) -> list[int]:
        with connect(store_url) as other:  # sees only what is committed
            seen.append((items, messages.load_message(other, item.message.id) is not None))
        return items

    results = await gathered(store, (look, 1), (messages.add_accepted, item), (look, 2))
    assert results == [1, None, 2]
    assert seen == [([1, 2], not store_url.startswith("sqlite"))]


async def test_what_runs_apart_is_refused_when_the_store_went_away_just_before(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    @runs_apart
    def count(conn: Connection, items: list[int]) -> None:
        calls.extend(items)

    breaking = BreakingCommit(holds=True)
    monkeypatch.setattr(Connection, "commit", lambda connection: breaking(connection))
    results = await gathered(store, (count, 1), (messages.add_accepted, letter("ann@one.test")))
    is_alone = store_url.startswith("sqlite")  # there is one transaction for all
    assert [type(result) for result in results] == [CommitInDoubt if is_alone else TryLater, CommitInDoubt]
    assert calls == ([1] if is_alone else [])
