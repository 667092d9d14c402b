"""A bounded cache whose entries end by the clock, and that finds nothing twice at the same time.

`TimedCache.get` runs one search for all who ask for the same key meanwhile (single flight); a caller that
is cancelled does not cancel the search for the others. `peek` is synchronous and costs a dictionary look-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Entry(Generic[V]):
    """A value and the monotonic instant at which it must be asked for again."""

    value: V
    expires_at: float


class TimedCache(Generic[K, V]):
    """At most `capacity` entries; the oldest tenth goes when it is full. `monotonic` tells the time."""

    def __init__(self, monotonic: Callable[[], float], capacity: int) -> None:
        self._monotonic = monotonic
        self._capacity = capacity
        self._entries: dict[K, Entry[V]] = {}
        self._searches: dict[K, asyncio.Task[Entry[V]]] = {}
        self._tasks: set[asyncio.Task[Entry[V]]] = set()  # a forgotten search still has an owner

    def peek(self, key: K) -> V | None:
        """What is known and still fresh, without waiting."""
        entry = self._entries.get(key)
        if entry is None or entry.expires_at <= self._monotonic():
            return None
        return entry.value

    async def get(self, key: K, find: Callable[[], Coroutine[Any, Any, Entry[V]]]) -> V:
        """The fresh value of `key`, found by `find` when it is not known. Raises what `find` raises."""
        value = self.peek(key)
        if value is not None:
            return value
        task = self._searches.get(key) or self._start(key, find)
        return (await asyncio.shield(task)).value

    def _start(self, key: K, find: Callable[[], Coroutine[Any, Any, Entry[V]]]) -> asyncio.Task[Entry[V]]:
        task = asyncio.get_running_loop().create_task(find())
        self._searches[key] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._keep(key, done))
        return task

    def _keep(self, key: K, task: asyncio.Task[Entry[V]]) -> None:
        self._tasks.discard(task)
        has_failed = task.cancelled() or task.exception() is not None
        if self._searches.get(key) is not task:
            return  # forgotten while it ran: what it found may be what the caller wanted gone
        del self._searches[key]
        if has_failed:
            return
        if len(self._entries) >= self._capacity:
            for oldest in list(islice(self._entries, max(1, self._capacity // 10))):
                del self._entries[oldest]
        self._entries.pop(key, None)  # so that a renewed entry is young again
        self._entries[key] = task.result()

    def drop(self, key: K) -> None:
        """This key is asked anew, a running search too."""
        self._entries.pop(key, None)
        self._searches.pop(key, None)

    def forget(self) -> None:
        """Everything is asked anew, running searches too."""
        self._entries.clear()
        self._searches.clear()

    async def close(self) -> None:
        """Cancel the running searches and wait for their end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._entries)
