"""PostgreSQL through psycopg 3: opening, what its errors mean, durability checks.

psycopg is imported when the first connection is opened: the default install does without it.
Nothing hangs for ever: connecting 5 s, statements 30 s, dead peers by TCP keepalives, a stopped server by
`break_off` from the store's watch.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from posthouse.store.connection import Connection, Role
from posthouse.store.trouble import StoreError, Trouble

CONNECT_S = 5
STATEMENT_S = 30
_CONNECT_OPTIONS = {
    "connect_timeout": CONNECT_S,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "posthouse",
}
_SETTINGS = {
    "statement_timeout": f"{STATEMENT_S}s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "client_encoding": "UTF8",
}
# The queue's statements are look-ups by key or by ordered index. A plan made while the tables were empty, and
# kept with the prepared statement, must not scan them when they are full.
_WRITER_PLANS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_DURABLE = {
    "fsync": "a crash of the machine can destroy the whole database",
    "full_page_writes": "a power cut can leave torn pages",
    "synchronous_commit": "accepted mail can be lost in a crash",
}
_OLDEST_WRITE = (
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 "
    "FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname = current_database()"
)
# SQLSTATE classes and codes (PostgreSQL manual, appendix A)
_FULL = frozenset({"53100"})
_CLASH = frozenset({"40001", "40P01"})
_LOST_CLASSES = frozenset({"08"})
_LOST = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})
_AWAY_CLASSES = frozenset({"53", "57", "58", "XX", "F0"})
_AWAY = frozenset({"25006", "55P03", "28000", "28P01", "3D000"})


class Postgres:
    """The PostgreSQL database at `url`."""

    name = "postgresql"
    begin_write = "BEGIN"
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: str) -> None:
        self._url = url

    def open(self, role: Role) -> Any:
        """A connection in autocommit mode: transactions are begun and ended by statements of our own."""
        raw = _psycopg().connect(self._url, autocommit=True, **_CONNECT_OPTIONS)
        settings = _SETTINGS | (_WRITER_PLANS if role is Role.WRITER else {})
        try:
            raw.prepared_max = 400
            raw.execute("; ".join(f"SET {name} = '{value}'" for name, value in settings.items()))
        except BaseException:
            raw.close()
            raise
        return raw

    def cursor(self, raw: Any) -> Any:
        return raw.cursor(binary=True)  # contents come as they are, not in hexadecimal

    def classify(self, error: BaseException) -> Trouble:
        psycopg = _psycopg()
        if isinstance(error, OSError):
            return Trouble.AWAY
        if not isinstance(error, psycopg.Error):
            return Trouble.DATA
        state = error.sqlstate or ""
        if state in _FULL:
            return Trouble.FULL
        if state in _CLASH:
            return Trouble.CLASH
        if state in _LOST or state[:2] in _LOST_CLASSES:
            return Trouble.LOST
        if state in _AWAY or state[:2] in _AWAY_CLASSES:
            return Trouble.AWAY
        broken = not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Trouble.LOST if broken else Trouble.DATA

    def is_undecided(self, raw: Any, error: BaseException) -> bool:
        """An answer with the connection still open is a definite no; silence or a dying server is not."""
        psycopg = _psycopg()
        if not isinstance(error, psycopg.Error):
            return False
        return bool(raw.closed) or not error.sqlstate or self.classify(error) is Trouble.LOST

    def is_idle(self, raw: Any) -> bool:
        return bool(raw.info.transaction_status == _psycopg().pq.TransactionStatus.IDLE)

    def confirm_commit(self, cursor: Any) -> None:
        """COMMIT of a failed transaction answers ROLLBACK without an error."""
        if cursor.statusmessage != "COMMIT":
            raise RuntimeError("a failed statement was overlooked: the transaction was rolled back")

    def break_off(self, raw: Any) -> None:
        """Cut the socket: a stopped server cannot be asked to cancel."""
        with socket.socket(fileno=os.dup(raw.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    def turnstile(self) -> None:
        """PostgreSQL queues its writers itself."""

    def oldest_write_s(self, connection: Connection) -> float:
        """Of the transactions of our own role: a writing one has a number, and those of others show no
        time."""
        return float(connection.script(_OLDEST_WRITE)[0][0])

    def durability_warnings(self, connection: Connection) -> list[str]:
        found = []
        for name, danger in _DURABLE.items():
            value = connection.script(f"SHOW {name}")[0][0]
            if value == "off":  # synchronous_commit = local is durable here, a replica may lag
                found.append(f"PostgreSQL runs with {name} = {value}: {danger}")
        encoding = connection.script("SHOW server_encoding")[0][0]
        if encoding != "UTF8":
            found.append(f"the database's encoding is {encoding}: addresses and subjects need UTF8")
        return found

    def serving_lock(self) -> None:
        """Any number of machines may serve one database."""

    def backup(self, target: str) -> None:
        raise StoreError(
            f"a PostgreSQL store is backed up with PostgreSQL's own tools: "
            f"pg_dump --format=custom --file={target} <store.url>"
        )


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise StoreError(
            "a PostgreSQL store needs the driver psycopg: install posthouse[postgres]"
        ) from error
    return psycopg
