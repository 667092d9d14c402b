"""The worker's lease on everything it took: a heartbeat in the store, and fencing of ourselves.

A worker whose last successful beat is older than 20 s starts nothing new and does not send the final dot:
after 30 s others may take its deliveries over (architecture, section 6). A beat that finds its row gone
was declared dead while it slept (F17): the worker must stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from posthouse.model.clock import Clock
from posthouse.store import workers
from posthouse.store.engine import Store

BEAT_S = 5.0
FENCE_S = 20.0
STALE_S = 30.0

log = structlog.get_logger()


class Lease:
    """`holds()` says whether this worker may still act on its deliveries."""

    def __init__(self, store: Store, clock: Clock, worker_id: str, declared_dead: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._worker_id = worker_id
        self._declared_dead = declared_dead
        self._last_beat = clock.monotonic()
        self._came_back_at = float("-inf")

    def holds(self) -> bool:
        return self._clock.monotonic() - self._last_beat < FENCE_S

    def may_bury(self) -> bool:
        """May this worker call others dead? Not while the store is away, nor soon after: then nobody could
        beat, the living (itself too) look dead, and their unrecorded outcomes would be thrown away."""
        return self.holds() and self._clock.monotonic() - self._came_back_at >= STALE_S

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self._beat()
            await asyncio.sleep(BEAT_S)

    async def _beat(self) -> None:
        begun = self._clock.monotonic()
        try:
            known = await self._store.write(workers.beat, (self._worker_id, self._clock.now()))
        except Exception as error:  # the store is away: holds() ends by itself
            log.warning("heartbeat failed: %s", error)
            return
        if not known:
            log.error("this worker was declared dead; its deliveries belong to others now")
            self._declared_dead()
            return
        if begun - self._last_beat >= FENCE_S:
            self._came_back_at = begun
        self._last_beat = begun
