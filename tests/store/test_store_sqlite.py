"""SQLite: full disk, away, what errors mean, serving lock, backup, durability (R8, F23, F24)."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthouse.model.errors import TryLater
from posthouse.store import messages, queue
from posthouse.store.connection import Connection, Role
from posthouse.store.engine import (
    Store,
    StoreError,
    backup,
    connect,
    durability_warnings,
    engine_of,
    migrate,
    open_store,
    serving_lock,
)
from posthouse.store.sqlite import Sqlite
from posthouse.store.trouble import Trouble
from store.letters import letter


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    made = f"sqlite:///{tmp_path}/posthouse.db"
    migrate(made)
    yield made


def failure(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (failure(sqlite3.SQLITE_FULL), Trouble.FULL),
        (OSError(errno.ENOSPC, "x"), Trouble.FULL),
        (OSError(errno.EIO, "x"), Trouble.AWAY),
        (failure(sqlite3.SQLITE_IOERR_FSYNC), Trouble.AWAY),
        (failure(sqlite3.SQLITE_IOERR_WRITE), Trouble.AWAY),
        (failure(sqlite3.SQLITE_READONLY), Trouble.AWAY),
        (failure(sqlite3.SQLITE_BUSY), Trouble.AWAY),
        (failure(sqlite3.SQLITE_CORRUPT), Trouble.AWAY),
        (failure(sqlite3.SQLITE_CANTOPEN), Trouble.AWAY),
        (failure(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY), Trouble.DATA),
        (failure(sqlite3.SQLITE_TOOBIG), Trouble.DATA),
        (failure(sqlite3.SQLITE_ERROR), Trouble.DATA),
        (ValueError("x"), Trouble.DATA),
    ],
    ids=lambda value: getattr(value, "sqlite_errorcode", None) or str(value),
)
def test_what_an_error_means(error: BaseException, trouble: Trouble) -> None:
    assert Sqlite("x.db").classify(error) is trouble


@pytest.mark.parametrize(
    ("code", "undecided"),
    [
        (sqlite3.SQLITE_IOERR_FSYNC, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_BUSY, False),
    ],
)
def test_which_errors_of_commit_leave_it_open(code: int, undecided: bool) -> None:  # F24
    assert Sqlite("x.db").is_undecided(sqlite3.connect, failure(code)) is undecided  # type: ignore[arg-type]


def test_opened_durable(url: str) -> None:
    with connect(url) as conn:
        assert conn.script("pragma journal_mode") == [("wal",)]
        assert conn.script("pragma synchronous") == [(2,)]
        assert conn.script("pragma foreign_keys") == [(1,)]
    assert durability_warnings(url) == []


def test_a_weaker_setting_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sqlite, "_pragmas", lambda self, role: ["synchronous=off"])
    assert "synchronous" in durability_warnings(url)[0]


def test_only_the_owner_may_read_the_mail(url: str, tmp_path: Path) -> None:
    with connect(url) as conn, conn.transaction():
        messages.add_accepted(conn, [letter()])
        files = list(tmp_path.iterdir())
        assert len(files) >= 4
        assert {file.stat().st_mode & 0o077 for file in files} == {0}


def test_readers_cannot_write(url: str) -> None:
    conn = Connection(engine_of(url), Role.READER)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        conn.script("delete from message")
    conn.close()


async def recovered(store: Store, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while store.is_away:
            await asyncio.sleep(0.01)


class LimitedDisk:
    """`pragma max_page_count` on every connection: a disk that is full until it is not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages = 1 << 30
        pragmas = Sqlite._pragmas
        monkeypatch.setattr(
            Sqlite, "_pragmas", lambda engine, role: [*pragmas(engine, role), f"max_page_count={self.pages}"]
        )


async def test_a_full_disk_is_452_and_passes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:  # F23
    disk = LimitedDisk(monkeypatch)
    disk.pages = 100
    store = open_store(url, asyncio.get_running_loop())
    taken: list[messages.Accepted] = []
    with pytest.raises(TryLater) as caught:
        while True:
            item = letter("a@one.test", body=os.urandom(20_000))
            await store.write(messages.add_accepted, item)
            taken.append(item)
    assert (caught.value.code, caught.value.enhanced) == (452, "4.3.1")
    disk.pages = 1 << 30
    await recovered(store)
    await store.write(messages.add_accepted, letter("a@one.test", body=os.urandom(20_000)))
    found = await store.read(messages.load_many, [item.message.id for item in taken])
    assert {key: body for key, (_, body) in found.items()} == {
        item.message.id: item.content for item in taken
    }
    counts = await store.read(queue.counts)
    assert sum(counts.values()) == len(taken) + 1
    await store.close()


async def test_an_io_error_is_451_on_a_new_connection(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # F24
    opened: list[Role] = []
    is_broken = False
    make, begin = Sqlite.open, Connection.begin

    def open_noted(engine: Sqlite, role: Role) -> sqlite3.Connection:
        opened.append(role)
        return make(engine, role)

    def begin_or_fail(connection: Connection) -> None:
        if is_broken:
            raise failure(sqlite3.SQLITE_IOERR_WRITE)
        begin(connection)

    monkeypatch.setattr(Sqlite, "open", open_noted)
    monkeypatch.setattr(Connection, "begin", begin_or_fail)
    told: list[str] = []
    store = open_store(url, asyncio.get_running_loop(), on_change=told.append)
    await store.write(messages.add_accepted, letter())
    is_broken = True
    with pytest.raises(TryLater) as caught:
        await store.write(messages.add_accepted, letter())
    assert (caught.value.code, caught.value.enhanced) == (451, "4.3.0")
    assert store.is_away
    assert "not available" in store.trouble
    with pytest.raises(TryLater):  # at once, without asking
        await store.write(messages.add_accepted, letter())
    before = opened.count(Role.WRITER)
    is_broken = False
    await recovered(store)
    await store.write(messages.add_accepted, letter())
    assert told == ["OperationalError: x", ""]  # one line each, however long it lasts
    assert opened.count(Role.WRITER) > before
    assert store.trouble == ""
    await store.write(messages.add_accepted, letter())
    await store.close()


async def test_a_store_that_cannot_be_opened_starts_away_and_recovers(tmp_path: Path) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    url = f"sqlite:///{blocked}/posthouse.db"
    with pytest.raises(TryLater), connect(url):
        pass
    told: list[str] = []
    store = open_store(url, asyncio.get_running_loop(), on_change=told.append)
    assert store.is_away
    assert len(told) == 1
    with pytest.raises(TryLater):
        await store.read(queue.counts)
    blocked.unlink()
    await asyncio.to_thread(migrate, url)
    await recovered(store)
    await store.write(messages.add_accepted, letter())
    await store.close()


async def test_F20_a_store_that_goes_away_while_it_is_opened_starts_away(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Connection) -> list[str]:
        raise failure(sqlite3.SQLITE_IOERR_READ)

    monkeypatch.setattr(Connection, "durability_warnings", gone)
    told: list[str] = []
    store = open_store(url, asyncio.get_running_loop(), on_change=told.append)
    assert told[0] == "OperationalError: x"
    await recovered(store)
    await store.write(messages.add_accepted, letter())
    await store.close()


def test_one_posthouse_serves_a_file(url: str) -> None:
    lock = serving_lock(url)
    assert lock is not None
    with pytest.raises(StoreError, match="another Posthouse is serving"):
        serving_lock(url)
    os.close(lock)
    again = serving_lock(url)
    assert again is not None
    os.close(again)


async def test_a_backup_of_a_running_store_is_whole(url: str, tmp_path: Path) -> None:
    store = open_store(url, asyncio.get_running_loop())
    items = [letter("a@one.test") for _ in range(50)]
    await asyncio.gather(*[store.write(messages.add_accepted, item) for item in items])
    more = [store.write(messages.add_accepted, letter("b@one.test")) for _ in range(200)]
    target = tmp_path / "copy.db"
    await asyncio.to_thread(backup, url, str(target))
    await asyncio.gather(*more)
    await store.close()
    assert target.stat().st_mode & 0o077 == 0
    assert not Path(f"{target}.part").exists()
    migrate(f"sqlite:///{target}")
    with connect(f"sqlite:///{target}") as copy:
        assert copy.script("pragma integrity_check") == [("ok",)]
        assert len(messages.load_many(copy, [item.message.id for item in items])) == 50


@pytest.mark.parametrize("target", ["missing/folder/copy.db", ""], ids=["no folder", "a folder"])
def test_a_backup_that_fails_leaves_nothing(url: str, tmp_path: Path, target: str) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(StoreError, match="backup"):
        backup(url, f"{tmp_path}/{target}")
    assert {path.name for path in tmp_path.iterdir()} - before <= {"posthouse.db-wal", "posthouse.db-shm"}


@pytest.mark.parametrize("bad", ["sqlite:///", "sqlite:///:memory:", "mysql://x", "posthouse.db"])
def test_urls_that_name_no_store(bad: str) -> None:
    with pytest.raises(StoreError, match=r"store\.url"):
        engine_of(bad)
