"""When and from where each credential was used last: kept in memory, written in one batch every few seconds.

Nothing waits for it, so a worker that is killed loses the last seconds. While the store is away the latest
uses are kept; there are never more of them than credentials, and never more than a fixed number.

Public: LastUses.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from posthouse.model.clock import Clock
from posthouse.rules.ranges import shown_address
from posthouse.store.credentials import Use, note_uses
from posthouse.store.engine import each

PAUSE_S = 5.0
_MOST = 20_000  # then those not yet noted wait for the next batch

log = logging.getLogger(__name__)


class Writer(Protocol):
    """The part of `store.engine.Store` that is needed."""

    def write(self, fn: Callable[..., Any], item: Any) -> Awaitable[Any]: ...


class LastUses:
    """The uses that one worker has seen since its last batch."""

    def __init__(self, store: Writer, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._latest: dict[str, tuple[float, str]] = {}

    def note(self, credential_id: str, address: str) -> None:
        """Used now from this address. Under a microsecond."""
        if len(self._latest) < _MOST or credential_id in self._latest:
            self._latest[credential_id] = self._clock.now(), address

    async def write(self) -> None:
        """Hand over what there is; it stays when the store raises."""
        if not self._latest:
            return
        batch, self._latest = self._latest, {}
        uses = [
            Use(credential_id, at, shown_address(address)) for credential_id, (at, address) in batch.items()
        ]
        try:
            await self._store.write(each(note_uses), (uses,))
        except BaseException:
            self._latest = {**batch, **self._latest}
            raise

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Write for ever. Trouble with the store is outlived."""
        while True:
            await sleep(PAUSE_S)
            try:
                await self.write()
            except Exception as error:  # the rim of this job: the next batch brings it along
                log.warning("last uses of credentials are not written yet: %s", error)
