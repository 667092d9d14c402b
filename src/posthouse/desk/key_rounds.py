"""A worker's round: retired keys that nothing on its way needs any more make room for fresh ones.

The fresh key stands by at the selector that became free; `domain verify` and `domain show` ask for its
record, and the next rotation waits until DNS has it. Several workers may come upon the same key: whoever
removes it first puts the new one in its place, in the same transaction.

Public: KeyRounds, KEYS_S.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from posthouse.desk import domain_keys as desk
from posthouse.desk.installation import Installation
from posthouse.desk.key_states import gone_at
from posthouse.model.account import DomainKey, KeyState
from posthouse.model.clock import Clock, Ids
from posthouse.store import domain_keys
from posthouse.store.engine import Connection, each
from posthouse.store.writer import WriteFunction

log = structlog.get_logger()

KEYS_S = 3600.0


class Store(Protocol):
    """The part of `store.engine.Store` that the round needs."""

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any: ...

    def write(self, fn: WriteFunction, item: Any) -> Awaitable[Any]: ...


class KeyRounds:
    """`expire_s`: how long a letter may be on its way."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, installation: Installation, expire_s: float
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._installation = installation
        self._expire_s = expire_s

    async def go(self) -> int:
        """Replace what has retired for long enough; how many."""
        now = self._clock.now()
        retiring = await self._store.read(domain_keys.keys_in_state, KeyState.RETIRING, now)
        done = 0
        for old in retiring:
            if gone_at(old, self._expire_s) > now:
                continue
            keys = await self._store.read(domain_keys.keys_of, old.domain_id)
            fresh = await asyncio.to_thread(self._fresh, old, now) if _wants_another(keys, old) else None
            if await self._store.write(each(_replace), (old, fresh)):
                log.info("a retired DKIM key made room", selector=old.selector, domain_id=old.domain_id)
                done += 1
        return done

    def _fresh(self, old: DomainKey, now: float) -> DomainKey:
        return desk.make(
            self._installation,
            self._ids,
            now,
            old.domain_id,
            selector=old.selector,
            algorithm=old.algorithm,
        )


def _wants_another(keys: Sequence[DomainKey], old: DomainKey) -> bool:
    """Only where keys of this kind still sign and none of them stands by."""
    states = {key.state for key in keys if key.algorithm == old.algorithm}
    return KeyState.ACTIVE in states and KeyState.STANDBY not in states


def _replace(conn: Connection, old: DomainKey, fresh: DomainKey | None) -> bool:
    """Put a fresh key in a retired one's place. False: somebody else has removed it, or let it sign again."""
    if not domain_keys.remove_key(conn, old):
        return False
    if fresh is not None:
        domain_keys.add_key(conn, fresh)
    return True
