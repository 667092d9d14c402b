"""What must happen though nobody asks: counters, expiry, retention, workers that died.

Each job is a short transaction repeated until nothing is left, so that none holds the store for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from posthouse.model.clock import Clock, id_at
from posthouse.pipeline import quota
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.rules.automations import FORGET_S
from posthouse.store import (
    answered,
    audit,
    captures,
    engaged,
    events,
    hook_keys,
    jobs,
    messages,
    people,
    sites,
    tallies,
    workers,
)
from posthouse.store.engine import Connection, Store, each

log = structlog.get_logger()

_CHUNK = 500
_PAUSE_S = 0.05  # between two chunks of what is too old: intake goes first
EXPIRE_S, NEIGHBOURS_S, RECLAIM_S, RETAIN_S = 30.0, 10.0, 20.0, 300.0


@dataclass(frozen=True, slots=True)
class Keep:
    """How long contents, events, the counters of hours and the audit log stay, in seconds."""

    content_s: float
    event_s: float
    hour_s: float
    audit_s: float


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every `pause_s` seconds, on every worker at the same time; `name` is for the log. A
    failure is logged, and it is tried again after the pause."""

    name: str
    pause_s: float
    work: Callable[[], Awaitable[object]]


class Upkeep:
    """The housekeeping loops of one worker. `chores`: those that belong to other rooms."""

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
        chores: Sequence[Chore] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._expire_some = expire
        self._dispatcher = dispatcher
        self._may_bury = may_bury
        self._chores = (
            Chore("expire", EXPIRE_S, self._expire),
            Chore("neighbours", NEIGHBOURS_S, self._look_at_neighbours),
            Chore("reclaim", RECLAIM_S, custody.reclaim),
            Chore("retain", RETAIN_S, self._retain),
            *chores,
        )

    async def run(self) -> None:
        """All loops, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                group.create_task(self._every(chore))

    async def _every(self, chore: Chore) -> None:
        while True:
            await asyncio.sleep(chore.pause_s)
            if self._store.is_away:
                continue
            try:
                await chore.work()
            except Exception as error:
                log.warning("upkeep: %s failed: %s", chore.name, error)

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

    async def _retain(self) -> None:
        now = self._clock.now()
        await self._until_done(messages.drop_contents_before, now - self._keep.content_s)
        await self._until_done(events.drop_before, now - self._keep.event_s)
        await self._until_done(engaged.drop_before, id_at(now - self._keep.event_s))
        await self._until_done(captures.drop_before, id_at(now - self._keep.event_s))
        await self._until_done(tallies.drop_hours_before, now - self._keep.hour_s)
        await self._until_done(audit.drop_before, id_at(now - self._keep.audit_s))
        await self._until_done(people.drop_expired_sessions, now)
        await self._until_done(hook_keys.drop_ended, now)
        await self._until_done(answered.drop_before, now - answered.KEPT_S)
        await self._store.write(each(quota.drop_old), (now,))
        await self._store.write(each(sites.drop_rests_before), (now - FORGET_S,))

    async def _until_done(self, step: Callable[..., int], *values: Any) -> None:
        """Repeat `step(conn, *values, most)`, a transaction each, until it finds less than a whole chunk."""
        while await self._store.write(each(step), (*values, _CHUNK)) == _CHUNK:  # noqa: ASYNC110 (a rest)
            await asyncio.sleep(_PAUSE_S)


def _take_over(conn: Connection, now: float) -> list[str]:
    dead = workers.take_over(conn, now)
    jobs.release_lost_jobs(conn)
    return dead
