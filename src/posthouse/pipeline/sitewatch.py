"""Keeps what a worker knows about sites in step with the world, and shows others what it sees.

Every second: the operator's file of rules, and what was decided about sites (`Rests`). Every other second:
how this worker sees its most active sites goes to the store, those that changed (`posthouse site`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from posthouse.model.clock import Clock
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.rests import Rests
from posthouse.pipeline.shapes import Shapes
from posthouse.rules.automations import FORGET_S
from posthouse.store import sites
from posthouse.store.engine import Store, each

log = structlog.get_logger()

LOOK_S, SHOW_S = 1.0, 2.0
MOST_SHOWN = 200
_SAME_TIME_S = 0.5


class SiteWatch:
    """The loops of one worker that are about sites."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        dispatcher: Dispatcher,
        shapes: Shapes,
        rests: Rests,
        worker_id: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._shapes = shapes
        self._rests = rests
        self._worker_id = worker_id
        self._shown: dict[str, dict[str, Any]] = {}
        self._ahead = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(LOOK_S, self.look_at_rules))
            group.create_task(self._every(LOOK_S, self.look_at_rests))
            group.create_task(self._every(SHOW_S, self.show))

    async def _every(self, pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                if not self._store.is_away:
                    await work()
            except Exception as error:
                log.warning("sites: %s failed: %s", getattr(work, "__name__", "work"), error)
            await asyncio.sleep(pause_s)

    async def look_at_rules(self) -> None:
        """Has the operator's file changed?"""
        if await asyncio.to_thread(self._shapes.look):
            self._dispatcher.reshape()

    async def look_at_rests(self) -> None:
        """Has anything been decided, ended or run out?"""
        look = self._rests.begin_look()
        found = await self._store.read(sites.rests_since, self._clock.now() - FORGET_S)
        changed = self._rests.learn(look, found, self._clock.now())
        if changed:
            self._dispatcher.reshape(changed)

    async def show(self) -> None:
        """Tell the store what is seen, where that is news."""
        now, wall = self._clock.monotonic(), self._clock.now()
        if abs(wall - now - self._ahead) > _SAME_TIME_S:  # else each instant would be news when clocks drift
            self._ahead = wall - now
        seen = {
            sending.site.name: sending.seen(now, now + self._ahead)
            for sending in self._dispatcher.sites.most_active(MOST_SHOWN)
        }
        changed = [(name, json.dumps(data)) for name, data in seen.items() if self._shown.get(name) != data]
        gone = [name for name in self._shown if name not in seen]
        if changed or gone:
            await self._store.write(each(sites.put_views), (self._worker_id, wall, changed, gone))
            self._shown = seen
