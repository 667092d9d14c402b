"""Hints from the command line that shorten waits: `posthouse queue flush` forgets what sites did to us,
`posthouse site resume` what one site did.

Nothing depends on a nudge arriving: it only ends rests and cached troubles early.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from posthouse.store import workers
from posthouse.store.engine import Store

log = structlog.get_logger()

FLUSH = "flush"
RESUME = "resume"  # the detail is the site's name
POLL_S = 1.0


class NudgeWatch:
    """Looks for new nudges once a second; `on_flush` is called with "" for a flush, with the name of a site
    that is to go on."""

    def __init__(self, store: Store, on_flush: Callable[[str], None]) -> None:
        self._store = store
        self._on_flush = on_flush
        self._seen: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # the store is away: nudges can wait
                log.debug("looking for nudges failed", cause=str(error))
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Act on what came since the last look; the first look only learns where the list ends."""
        nudges = await self._store.read(workers.nudges, self._seen or 0)
        is_first, self._seen = self._seen is None, nudges[-1].number if nudges else (self._seen or 0)
        if is_first:
            return
        if any(nudge.kind == FLUSH for nudge in nudges):
            self._on_flush("")
        for site in {nudge.detail for nudge in nudges if nudge.kind == RESUME and nudge.detail}:
            self._on_flush(site)
