"""One connection to the store, the same for both engines.

A thin wrapper of the driver's connection: it runs `Statement`s and `RowsStatement`s with plain tuples, opens
and ends transactions, and says what an error means. Not for use by two threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Any, Protocol

from posthouse.model.clock import Ids
from posthouse.model.errors import CommitInDoubt
from posthouse.store.statement import RowsStatement, Statement
from posthouse.store.trouble import StoreError, Trouble, Unavailable, refusal
from posthouse.store.turnstile import Turnstile

Row = tuple[Any, ...]


class Role(Enum):
    """What a connection is for: it sets cache sizes, time-outs and planner settings."""

    WRITER = "writer"
    READER = "reader"
    COMMAND = "command"


class Engine(Protocol):
    """What differs between SQLite and PostgreSQL. `raw` is the driver's connection."""

    name: str
    begin_write: str
    begin_read: str

    def open(self, role: Role) -> Any:
        """A new driver connection in autocommit mode."""

    def cursor(self, raw: Any) -> Any:
        """A cursor that gives rows as tuples."""

    def classify(self, error: BaseException) -> Trouble:
        """What an error of this engine means."""

    def is_undecided(self, raw: Any, error: BaseException) -> bool:
        """After an error of COMMIT: might it hold nevertheless?"""

    def is_idle(self, raw: Any) -> bool:
        """No transaction is open and the connection is not known to be broken."""

    def confirm_commit(self, cursor: Any) -> None:
        """Raise if COMMIT answered but did not commit."""

    def break_off(self, raw: Any) -> None:
        """From another thread: end the statement that runs now, with an error in its own thread."""

    def turnstile(self) -> Turnstile | None:
        """The queue of writing processes, where the engine needs one."""

    def oldest_write_s(self, connection: Connection) -> float:
        """For how long the longest writing transaction has been open by now, in seconds; 0.0 without one."""

    def durability_warnings(self, connection: Connection) -> list[str]:
        """Sentences for the operator: what could lose acknowledged mail."""

    def serving_lock(self) -> int | None:
        """A locked file descriptor, where only one Posthouse may serve the store. Raises StoreError."""

    def backup(self, target: str) -> None:
        """Copy the running store to a file. Raises StoreError."""


class Connection:
    """An open connection. Opening raises `Unavailable`. `writes` rises with each statement that changed
    something, so that whoever looks before and after knows; `on_change` is called at the end of each
    `transaction` that did."""

    __slots__ = ("_cursor", "_raw", "_turnstile", "engine", "ids", "on_change", "writes")

    def __init__(self, engine: Engine, role: Role = Role.COMMAND) -> None:
        self.engine = engine
        self.ids: Ids | None = None  # where set, `events.append` gives late events new ids from it
        self.writes = 0
        self.on_change: Callable[[Connection], None] | None = None
        self._turnstile: Turnstile | None = None
        self._raw: Any = None
        try:
            self._raw = engine.open(role)
            if role is not Role.READER:
                self._turnstile = engine.turnstile()
        except StoreError:
            raise
        except Exception as error:
            self.close()
            trouble = engine.classify(error)
            raise Unavailable(Trouble.FULL if trouble is Trouble.FULL else Trouble.AWAY) from error
        self._cursor = engine.cursor(self._raw)

    # Statements

    def rows(self, statement: Statement, *values: Any) -> list[Row]:
        """All rows of the answer."""
        name = self.engine.name
        text = statement.text(name)
        cursor = self._cursor
        cursor.execute(text, statement.bind(name, values))
        found: list[Row] = cursor.fetchall()
        if statement.is_write and found:
            self.writes += 1
        return found

    def row(self, statement: Statement, *values: Any) -> Row | None:
        """The first row, None without one."""
        found = self.rows(statement, *values)
        return found[0] if found else None

    def change(self, statement: Statement, *values: Any) -> int:
        """Run a statement that answers no rows; the number of rows it changed."""
        name = self.engine.name
        text = statement.text(name)
        self._cursor.execute(text, statement.bind(name, values))
        changed: int = self._cursor.rowcount
        if changed:
            self.writes += 1
        return changed

    def put(self, statement: RowsStatement, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement over many rows without an answer: the hot way to insert."""
        name, most, execute = self.engine.name, statement.most, self._cursor.execute
        self.writes += bool(rows)
        for start in range(0, len(rows), most):
            execute(*statement.prepared(name, rows[start : start + most]))

    def answers(self, statement: RowsStatement, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Run a statement over many rows; all rows of the answers."""
        name, most, cursor = self.engine.name, statement.most, self._cursor
        found: list[Row] = []
        for start in range(0, len(rows), most):
            cursor.execute(*statement.prepared(name, rows[start : start + most]))
            found += cursor.fetchall()
        if statement.is_write and found:
            self.writes += 1
        return found

    def script(self, text: str) -> list[Row]:
        """Run one statement of this engine's own SQL (DDL, pragmas, settings)."""
        self._cursor.execute(text)
        return self._cursor.fetchall() if self._cursor.description else []

    # Transactions

    def begin(self) -> None:
        """Begin a writing transaction, in turn with other processes."""
        if self._turnstile is not None:
            self._turnstile.enter()
        self._cursor.execute(self.engine.begin_write)

    def commit(self) -> None:
        """Raises CommitInDoubt if nobody knows whether it holds, the engine's error if it does not."""
        try:
            self._cursor.execute("COMMIT")
        except Exception as error:
            if self.engine.is_undecided(self._raw, error):
                raise CommitInDoubt("the store's connection broke during the commit") from error
            raise
        self.engine.confirm_commit(self._cursor)

    def rollback(self) -> None:
        """End the transaction without its effects; never raises. Afterwards `is_usable` says if it worked."""
        with suppress(Exception):
            self._cursor.execute("ROLLBACK")

    @property
    def is_usable(self) -> bool:
        """Ready for the next transaction."""
        return self.engine.is_idle(self._raw)

    def leave_turn(self) -> None:
        """Let other processes write."""
        if self._turnstile is not None:
            self._turnstile.leave()

    def share_turn(self) -> None:
        """Let other processes write if we were at it for some time."""
        if self._turnstile is not None:
            self._turnstile.share()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One writing transaction. Raises TryLater (away, full), CommitInDoubt, or the block's own error."""
        try:
            self.begin()
            before = self.writes
            yield self
            if self.on_change and self.writes > before:
                self.on_change(self)
            self.commit()
        except BaseException as error:
            self.rollback()
            trouble = self.trouble(error)
            if trouble is Trouble.DATA:
                raise
            raise refusal(trouble) from error
        finally:
            self.leave_turn()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Reads that see one state of the store."""
        self._cursor.execute(self.engine.begin_read)
        try:
            yield self
        finally:
            self.rollback()

    # Trouble

    def trouble(self, error: BaseException) -> Trouble:
        """What `error` means; errors that are not the engine's are the job's own."""
        if isinstance(error, Unavailable):
            return error.trouble
        return self.engine.classify(error)

    def break_off(self) -> None:
        """From another thread: the running statement ends with an error in its own thread."""
        with suppress(Exception):
            self.engine.break_off(self._raw)

    def durability_warnings(self) -> list[str]:
        """Sentences for the operator: what could lose acknowledged mail."""
        return self.engine.durability_warnings(self)

    def close(self) -> None:
        """Close; never raises."""
        if self._raw is not None:
            with suppress(Exception):
                self._raw.close()
        if self._turnstile is not None:
            self._turnstile.close()
            self._turnstile = None
