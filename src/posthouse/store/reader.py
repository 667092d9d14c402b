"""Readers: a few threads, each with a connection of its own, each read in one snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from posthouse.store.connection import Connection, Engine, Role
from posthouse.store.trouble import Trouble, Unavailable, refusal

READERS = 3


class Reader:
    """One thread's connection and what it is doing."""

    __slots__ = ("_connection", "_engine", "busy_since")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self.busy_since = 0.0  # monotonic; 0 while idle

    def read(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """fn(connection, *args) in one snapshot. A connection that broke while idle is replaced once.

        Raises TryLater if the store cannot be used.
        """
        self.busy_since = time.monotonic()
        try:
            for is_again in (False, True):
                try:
                    return self._once(fn, args)
                except Exception as error:
                    trouble = self._trouble(error)
                    if trouble is Trouble.DATA:
                        raise
                    self.close()
                    if is_again or trouble is not Trouble.LOST:
                        raise refusal(trouble) from error
        finally:
            self.busy_since = 0.0

    def _once(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        connection = self._connection
        if connection is not None and not connection.is_usable:  # its last snapshot could not be ended
            self.close()
            connection = None
        if connection is None:
            connection = self._connection = Connection(self._engine, Role.READER)
        with connection.snapshot():
            return fn(connection, *args)

    def _trouble(self, error: Exception) -> Trouble:
        if isinstance(error, Unavailable):
            return error.trouble
        return self._engine.classify(error)

    def break_off(self) -> None:
        """From another thread: end what runs now with an error."""
        connection = self._connection
        if connection is not None:
            connection.break_off()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Readers:
    """The pool. `executor` runs `read`."""

    def __init__(self, engine: Engine, count: int = READERS) -> None:
        self._engine = engine
        self._own = threading.local()
        self.all: list[Reader] = []
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="store-reader")

    def read(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """In a thread of the pool: read with that thread's reader."""
        reader: Reader | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = Reader(self._engine)
            self.all.append(reader)
        return reader.read(fn, args)

    def close(self) -> None:
        """Wait for the reads that run, then close the connections."""
        self.executor.shutdown(wait=True)
        for reader in self.all:
            reader.close()
