"""What must happen though nobody asks: counters, expiry, retention, workers that died.

Each job is a short transaction repeated until nothing is left, so that none holds the store for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from posthouse.crashpoint import crash_point
from posthouse.model.clock import Clock
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.store import events, jobs, messages, workers
from posthouse.store.engine import Connection, Store, each

log = structlog.get_logger()

_CHUNK = 500
FOLD_S, EXPIRE_S, NEIGHBOURS_S, RECLAIM_S, RETAIN_S = 2.0, 30.0, 10.0, 20.0, 300.0


@dataclass(frozen=True, slots=True)
class Keep:
    """How long contents and events stay, in seconds."""

    content_s: float
    event_s: float


class Upkeep:
    """The housekeeping loops of one worker."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        keep: Keep,
        expire: Callable[[int], Awaitable[int]],
        dispatcher: Dispatcher,
        custody: Custody,
        may_bury: Callable[[], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._expire_some = expire
        self._dispatcher = dispatcher
        self._custody = custody
        self._may_bury = may_bury

    async def run(self) -> None:
        """All loops, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(FOLD_S, self._fold))
            group.create_task(self._every(EXPIRE_S, self._expire))
            group.create_task(self._every(NEIGHBOURS_S, self._look_at_neighbours))
            group.create_task(self._every(RECLAIM_S, self._reclaim))
            group.create_task(self._every(RETAIN_S, self._retain))

    async def _every(self, pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(pause_s)
            if self._store.is_away:
                continue
            try:
                await work()
            except Exception as error:
                log.warning("upkeep: %s failed: %s", getattr(work, "__name__", "work").strip("_"), error)

    async def _fold(self) -> None:
        await self._until_done(_fold)

    async def _expire(self) -> None:
        while await self._expire_some(_CHUNK) == _CHUNK:
            pass

    async def _look_at_neighbours(self) -> None:
        """Take over from the dead, share the sites' limits with the living."""
        if not self._may_bury():
            return
        dead = await self._store.write(each(_take_over), (self._clock.now(),))
        if dead:
            log.warning("took over the deliveries of workers without heartbeat: %s", ", ".join(dead))
            self._dispatcher.wake()
        live = await self._store.read(workers.live, self._clock.now())
        self._dispatcher.share_with([worker.id for worker in live])

    async def _reclaim(self) -> None:
        await self._custody.reclaim()

    async def _retain(self) -> None:
        now = self._clock.now()
        await self._until_done(messages.drop_contents_before, now - self._keep.content_s)
        await self._until_done(events.drop_before, now - self._keep.event_s)

    async def _until_done(self, step: Callable[..., int], *values: Any) -> None:
        """Repeat `step(conn, *values, most)`, a transaction each, until it finds less than a whole chunk."""
        while await self._store.write(each(step), (*values, _CHUNK)) == _CHUNK:
            pass


def _take_over(conn: Connection, now: float) -> list[str]:
    dead = workers.take_over(conn, now)
    jobs.release_lost_jobs(conn)
    return dead


def _fold(conn: Connection, most: int) -> int:
    folded = events.fold_counters(conn, most)
    crash_point("events.fold")
    return folded
