"""The store as the rest of the house sees it: `Store` for a worker, `connect` for the command line and tests.

`url` is `sqlite:///path/to/file` (three slashes: relative, four: absolute) or `postgresql://…`.
Writing functions for `Store.write` and `Store.submit` take `(connection, items)`; `each` turns a function of
`(connection, *values)` into one. Reading functions take `(connection, *values)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from queue import SimpleQueue
from time import monotonic
from typing import Any
from urllib.parse import unquote

from posthouse.model.clock import Clock
from posthouse.model.errors import TryLater
from posthouse.store.connection import Connection, Engine
from posthouse.store.migrations import check_schema, migrate_with
from posthouse.store.postgres import Postgres
from posthouse.store.reader import Reader, Readers
from posthouse.store.sqlite import Sqlite
from posthouse.store.trouble import Duplicate, StoreError, Trouble, Unavailable, cause_of, refusal
from posthouse.store.writer import Changed, Done, Health, Job, Told, WriteFunction, Writer

__all__ = [
    "Connection",
    "Duplicate",
    "Store",
    "StoreError",
    "backup",
    "connect",
    "durability_warnings",
    "each",
    "migrate",
    "open_store",
    "serving_lock",
]

WATCH_S = 1.0
SLOW_S = 5.0  # a group that takes longer: intake is refused without waiting until it is through
WRITE_LIMIT_S = 35.0  # the engines' own limits are 30 s; whatever takes longer is cut off
READ_LIMIT_S = 15.0


def engine_of(url: str) -> Engine:
    """The engine for `url`. Raises StoreError for a URL of another kind."""
    if url.startswith("sqlite:///"):
        return Sqlite(unquote(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgres://")):
        return Postgres(url)
    raise StoreError("store.url must begin with sqlite:/// or postgresql://")


class Store:
    """The store of one worker process, used from its event loop. Made by `open_store`."""

    def __init__(
        self,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        *,
        writers: int,
        on_change: Changed,
        is_down: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._gathered: list[Job] = []  # in this turn of the loop
        self._health = Health()
        self._on_change = on_change
        self._writers = [
            Writer(engine, self._jobs, self._health, partial(self._on_loop, self._tell), self._changed, clock)
            for _ in range(writers)
        ]
        self._readers = Readers(engine)
        self._closing: TryLater | None = None
        self._watcher = loop.call_later(WATCH_S, self._watch)
        self.durability_warnings: list[str] = []
        for writer in self._writers:
            if is_down:
                writer.starts_down()
            writer.start()

    @property
    def refusal(self) -> TryLater | None:
        """What intake answers now without asking the store; None when the store works."""
        return self._closing or self._health.refusal

    @property
    def is_away(self) -> bool:
        """The store cannot be used now (away, full, stuck, closing)."""
        return self.refusal is not None

    @property
    def trouble(self) -> str:
        """Why it cannot be used, as the public sentence; "" when it can."""
        now = self.refusal
        return "" if now is None else now.text

    def submit(self, fn: WriteFunction, item: Any, done: Done) -> None:
        """Queue one job of the writer; `done(result, error)` is called on the loop after the commit.

        Errors: TryLater, CommitInDoubt, or what `fn` raised for this item alone.
        """
        now = self.refusal
        if now is not None:
            self._loop.call_soon(done, None, now)
            return
        # HOT: what one turn of the loop submits goes together. Each job by itself would wake the writer,
        # which takes the interpreter's lock from the rest of the turn and commits groups of one.
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append((fn, item, done))

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        for job in gathered:
            self._jobs.put(job)

    def write(self, fn: WriteFunction, item: Any) -> asyncio.Future[Any]:
        """`submit` with a future."""
        future = self._loop.create_future()
        self.submit(fn, item, partial(_resolve, future))
        return future

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        """fn(connection, *args) in a reader thread, one snapshot. Raises TryLater if the store is away."""
        if self._closing is not None:
            raise self._closing
        return await self._loop.run_in_executor(self._readers.executor, self._readers.read, fn, args)

    async def close(self) -> None:
        """Refuse new jobs, finish those queued, close the connections."""
        self._closing = refusal(Trouble.AWAY)
        self._hand_over()
        for _ in self._writers:
            self._jobs.put(None)
        for writer in self._writers:
            await self._loop.run_in_executor(None, writer.join)
        await self._loop.run_in_executor(None, self._readers.close)
        self._watcher.cancel()

    def _on_loop(self, call: Callable[[Any], None], value: Any) -> None:
        """From a writer's thread: one call on the loop."""
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(call, value)

    def _changed(self, cause: str) -> None:
        self._on_loop(self._on_change, cause)

    def _tell(self, results: list[Told]) -> None:
        for done, result, error in results:
            try:
                done(result, error)
            except Exception as problem:  # one listener's bug must not silence the others
                self._loop.call_exception_handler(
                    {"message": "a store callback failed", "exception": problem}
                )

    def _watch(self) -> None:
        """Each second: a stuck store is refused instead of waited for, and cut off when it stays stuck."""
        now = monotonic()
        self._health.is_slow = any(_span(writer, now) > SLOW_S for writer in self._writers)
        for writer in self._writers:
            if _span(writer, now) > WRITE_LIMIT_S:
                writer.break_off()
        for reader in self._readers.all:
            if _span(reader, now) > READ_LIMIT_S:
                reader.break_off()
        self._watcher = self._loop.call_later(WATCH_S, self._watch)


def _span(worker: Writer | Reader, now: float) -> float:
    """How long it is at its present work, in seconds; 0 when idle. Read once: its thread changes it."""
    since = worker.busy_since
    return now - since if since else 0.0


def _resolve(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # its waiter was cancelled; the job was committed all the same
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _silent(cause: str) -> None:
    """The default for `on_change`."""


def open_store(
    url: str,
    loop: asyncio.AbstractEventLoop,
    *,
    writers: int = 1,
    on_change: Changed = _silent,
    clock: Clock | None = None,
) -> Store:
    """A worker's store with its threads. Raises StoreError if the schema is not this code's.

    A store that cannot be reached is no error: the store starts away and recovers by itself. `on_change` is
    called on the loop with a line for the log when the store becomes unusable, with "" when it is back.
    `clock`: events that are late by it get new ids (`events.append`).
    """
    engine = engine_of(url)
    warnings: list[str] = []
    is_down = False
    try:
        with closing(Connection(engine)) as connection:
            check_schema(connection)
            warnings = connection.durability_warnings()
    except StoreError:
        raise
    except Exception as error:  # a server that goes away meanwhile is away too
        if not isinstance(error, Unavailable) and engine.classify(error) is Trouble.DATA:
            raise
        is_down = True
        on_change(cause_of(error))
    count = 1 if isinstance(engine, Sqlite) else writers  # two threads on one file only wait for each other
    store = Store(engine, loop, writers=count, on_change=on_change, is_down=is_down, clock=clock)
    store.durability_warnings = warnings
    return store


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection for one command: `with connect(url) as c: with c.transaction(): …`. Raises TryLater."""
    try:
        connection = Connection(engine_of(url))
    except Unavailable as error:
        raise refusal(error.trouble) from error
    with closing(connection):
        yield connection


def migrate(url: str) -> None:
    """Bring the store at `url` to this code's schema, making it if need be. Raises StoreError, TryLater."""
    with connect(url) as connection:
        migrate_with(connection)


def durability_warnings(url: str) -> list[str]:
    """What about this store could lose acknowledged mail, a sentence each. Raises TryLater."""
    with connect(url) as connection:
        return connection.durability_warnings()


def serving_lock(url: str) -> int | None:
    """On SQLite a file descriptor to keep open while serving; None on PostgreSQL.

    Raises StoreError if another Posthouse serves the same file.
    """
    return engine_of(url).serving_lock()


def backup(url: str, path: str) -> None:
    """Copy a running SQLite store to `path`. Raises StoreError (on PostgreSQL with the command to use)."""
    engine_of(url).backup(path)


@cache
def each(fn: Callable[..., Any]) -> WriteFunction:
    """`fn(connection, *values)` as a writing function: `store.write(each(fn), (value, …))`."""

    def one_by_one(connection: Connection, items: list[Any]) -> Sequence[Any]:
        return [fn(connection, *item) for item in items]

    return one_by_one
