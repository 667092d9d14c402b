"""Against guessing: refusals come slower and slower, and from one client only a few tries may be under way.

The same counts as for SMTP sign-ins (`doors.throttle`), by client and by e-mail address. A right answer is
never refused for what others guessed elsewhere, so nobody can lock somebody else out.

Public: Guard.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from posthouse.doors.throttle import Throttle
from posthouse.model.errors import Refused, TryLater
from posthouse.rules.ranges import client_of

log = structlog.get_logger()

Value = TypeVar("Value")

MOST_AT_ONCE = 4
_WRONG = ("bad-credentials", "bad-code")


class Guard:
    """Shared by all forms of a worker that ask for a secret."""

    def __init__(self, throttle: Throttle, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._throttle = throttle
        self._sleep = sleep
        self._trying: Counter[str] = Counter()

    async def tried(self, address: str, email: str, check: Callable[[], Awaitable[Value]]) -> Value:
        """What `check` gives. Raises what it raises, a wrong answer only after a while; TryLater."""
        client = client_of(address)
        if self._trying[client] >= MOST_AT_ONCE:
            raise _too_many()
        self._trying[client] += 1
        try:
            value = await check()
        except Refused as refused:
            if refused.reason in _WRONG:
                await self._hold_back(address, email, refused.reason)
            raise
        finally:
            self._trying[client] -= 1
            if not self._trying[client]:
                del self._trying[client]
        self._throttle.succeeded(address)
        return value

    async def _hold_back(self, address: str, email: str, reason: str) -> None:
        log.info("a sign-in of a person was refused", address=address, reason=reason)
        if not await self._throttle.hold_back(address, email, self._sleep):
            raise _too_many()


def _too_many() -> TryLater:
    return TryLater(454, "4.7.0", "Too many sign-ins from your address at once", reason="many-tries")
