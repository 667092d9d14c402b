"""SQLite: opening a file, what its errors mean, the serving lock, the online backup.

Durable means: WAL, `synchronous=FULL`, so that COMMIT returns after the WAL was synced. A failed sync is
never repeated on the same pages: the connection is closed, and the next transaction writes its pages anew.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from posthouse.store.connection import Connection, Role
from posthouse.store.trouble import StoreError, Trouble
from posthouse.store.turnstile import Turnstile, held_s

BUSY_S = 30.0
_CACHE_KIB = {Role.WRITER: 32 * 1024, Role.READER: 8 * 1024, Role.COMMAND: 8 * 1024}  # 56 MiB with 3 readers
_CHECKPOINT_PAGES = 4000
_WAL_LIMIT_BYTES = 64 * 1024 * 1024
_OLDEST = (3, 35, 0)  # RETURNING

# Primary result codes that say that the store cannot be used, whatever is asked of it.
_AWAY_CODES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOTADB,
    }
)
_NOT_COMMITTED = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY})


class Sqlite:
    """The SQLite file at `path`."""

    name = "sqlite"
    begin_write = "BEGIN IMMEDIATE"
    begin_read = "BEGIN"

    def __init__(self, path: str) -> None:
        if not path or path.startswith(":memory:"):
            raise StoreError("store.url names no file: write sqlite:///path/to/posthouse.db")
        if sqlite3.sqlite_version_info < _OLDEST:
            raise StoreError(
                f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed; use a newer Python"
            )
        self.path = str(Path(path).absolute())

    def open(self, role: Role) -> sqlite3.Connection:
        """A connection in autocommit mode. The file and its folder are made when they are not there."""
        self._make()
        raw = sqlite3.connect(
            self.path,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,  # opened by one thread, used by one thread, closed by any
            cached_statements=512,
        )
        try:
            for pragma in self._pragmas(role):
                raw.execute(f"pragma {pragma}").fetchall()
        except BaseException:
            raw.close()
            raise
        return raw

    def _make(self) -> None:
        """Mail is in this file: only its owner may read it (the WAL inherits the mode)."""
        if not Path(self.path).exists():
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _pragmas(self, role: Role) -> list[str]:
        pragmas = [
            "journal_mode=wal",
            "synchronous=full",
            "foreign_keys=on",
            "temp_store=memory",
            f"cache_size=-{_CACHE_KIB[role]}",
            f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
            f"journal_size_limit={_WAL_LIMIT_BYTES}",
        ]
        return [*pragmas, "query_only=on"] if role is Role.READER else pragmas

    def cursor(self, raw: sqlite3.Connection) -> sqlite3.Cursor:
        return raw.cursor()

    def classify(self, error: BaseException) -> Trouble:
        if isinstance(error, OSError):
            return Trouble.FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else Trouble.AWAY
        code = _primary_code(error)
        if code == sqlite3.SQLITE_FULL:
            return Trouble.FULL
        return Trouble.AWAY if code in _AWAY_CODES else Trouble.DATA

    def is_undecided(self, raw: sqlite3.Connection, error: BaseException) -> bool:
        """When the sync fails after the commit frame was written, recovery may find the frame valid.

        The next transaction overwrites it; but if we are killed before, it counts. So nobody knows.
        A full disk is different: the commit frame comes last, and it was not written.
        """
        return isinstance(error, sqlite3.Error) and _primary_code(error) not in _NOT_COMMITTED

    def is_idle(self, raw: sqlite3.Connection) -> bool:
        return not raw.in_transaction

    def confirm_commit(self, cursor: sqlite3.Cursor) -> None:
        """SQLite's COMMIT commits or raises."""

    def break_off(self, raw: sqlite3.Connection) -> None:
        raw.interrupt()

    def turnstile(self) -> Turnstile:
        return Turnstile(self.path)

    def oldest_write_s(self, connection: Connection) -> float:
        return held_s(self.path)

    def durability_warnings(self, connection: Connection) -> list[str]:
        found = []
        if connection.script("pragma journal_mode")[0][0] != "wal":
            found.append(f"{self.path} is not in WAL mode (does its file system support shared memory?)")
        if connection.script("pragma synchronous")[0][0] != 2:
            found.append(
                f"{self.path} is not opened with synchronous=FULL: a power cut can lose accepted mail"
            )
        return found

    def serving_lock(self) -> int:
        """A file descriptor whose lock says "this file is served"; forked workers inherit it.

        Raises StoreError if another Posthouse serves this file.
        """
        self._make()
        descriptor = os.open(f"{self.path}-serving", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreError(
                f"another Posthouse is serving {self.path}; stop it, or give this one a store.url of its own"
            ) from None
        return descriptor

    def backup(self, target: str) -> None:
        """Copy the running store to `target`: all or nothing, a consistent state, synced to disk.

        The copy is read in one go: in WAL mode a reader holds nobody up, while a copy in pieces would start
        over after every commit of another process.
        """
        if not Path(self.path).exists():
            raise StoreError(f"there is no store at {self.path}")
        part = f"{target}.part"
        try:
            os.close(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600))
            with closing(self.open(Role.READER)) as source, closing(sqlite3.connect(part)) as copy:
                copy.execute("pragma synchronous=off")  # synced once, below
                source.backup(copy, pages=-1)
            _sync(part)
            Path(part).replace(target)
            _sync(str(Path(target).absolute().parent))
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                Path(part).unlink()
            raise StoreError(f"the backup to {target} failed: {error}") from error


def _primary_code(error: BaseException) -> int:
    """SQLite's primary result code, 0 if the error has none (extended codes keep it in the low octet)."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
