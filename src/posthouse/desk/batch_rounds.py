"""A worker's round: what is held of a paused batch for longer than the batch keeps it is given up.

Several workers may come upon the same mail: whoever changes it first writes the events.

Public: BatchRounds, BATCHES_S.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from posthouse.desk.room import give_room_back
from posthouse.model.clock import Clock, Ids
from posthouse.store import batches
from posthouse.store.engine import each
from posthouse.store.writer import WriteFunction

BATCHES_S = 300.0


class Store(Protocol):
    """The part of `store.engine.Store` that the round needs."""

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any: ...

    def write(self, fn: WriteFunction, item: Any) -> Awaitable[Any]: ...


class BatchRounds:
    """The chore that ends pauses which nobody has ended."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def go(self) -> int:
        """How many deliveries were given up, step by step. Raises what the store raises."""
        total = 0
        for item in await self._store.read(batches.list_limited):
            place, is_through = "", False
            while not is_through:
                asked = (item, place, self._clock.now(), self._ids, give_room_back)
                step = await self._store.write(each(batches.expire_batch), asked)
                total += step.changed
                place, is_through = step.place, not step.place
        return total
