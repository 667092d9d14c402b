"""Wrong sign-ins: refusals come slower, per client and per login, and nobody is locked out (AUT-11, S21).

Only refusals are held back. The right password gets in at once, whatever others tried for the same login and
wherever they tried it from; a guesser's connection hears nothing while its refusal is held.

All workers of a machine count together on the board (`net.board`), in windows of ten minutes: what counts is
the present window and the one before, so a count that nobody looks after is forgotten by itself. A client is
an IPv4 address or an IPv6 /64.

Public: Throttle, TOO_MANY_WRONG, Counts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

from posthouse.model.clock import Clock
from posthouse.rules.ranges import client_of
from posthouse.smtp.replies import Reply

TOO_MANY_WRONG = Reply(421, "4.7.0", "Too many wrong sign-ins, try again later")

WINDOW_S = 600.0
_FREE_TRIES = 3  # of one client
_FREE_TRIES_OF_A_LOGIN = 10  # from anywhere
_MOST_DELAY_S = 8.0
_MOST_COUNTS = 10_000
_MOST_HELD_FOR_ONE = 100
_LONGEST_LOGIN = 320


class Counts(Protocol):
    """Numbers by name, over all workers of this machine (`net.board.Row`)."""

    def put(self, text: str, count: int) -> None: ...

    def total(self, text: str) -> int: ...


class Throttle:
    """Counts failures and says how long a refusal waits. `most_held`: refusals of this worker that may wait
    at once; more are answered immediately, and their connections closed, so that others find a place."""

    def __init__(self, clock: Clock, counts: Counts, most_held: int = 500) -> None:
        self._clock = clock
        self._counts = counts
        self._most_held = most_held
        self._own: dict[str, tuple[int, int]] = {}  # count and window, in the order of the last failure
        self._held: Counter[str] = Counter()
        self._all_held = 0

    async def hold_back(
        self, address: str, login: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> bool:
        """A wrong sign-in: count it and wait before it is answered. False: at once, for too many wait already
        (see `hold`)."""
        self.failed(address, login)
        delay_s = self.delay_s(address, login)
        if not delay_s:
            return True
        if not self.hold(address):
            return False
        try:
            await sleep(delay_s)
        finally:
            self.let_go(address)
        return True

    def failed(self, address: str, login: str) -> None:
        """A wrong sign-in from this client address for this login, which may not exist."""
        window = self._window()
        for name in _names(address, login):
            text = f"{name} {window}"
            count = self._own.pop(text, (0, window))[0] + 1
            self._own[text] = count, window
            self._counts.put(text, count)
        self._forget(window)

    def succeeded(self, address: str) -> None:
        """The client knows a password after all: this worker forgets its failures."""
        if not self._own:
            return
        window, name = self._window(), _of_client(address)
        for text in (f"{name} {window}", f"{name} {window - 1}"):
            if self._own.pop(text, None):
                self._counts.put(text, 0)

    def delay_s(self, address: str, login: str) -> float:
        """How long to hold the refusal back: nothing at first, then doubling up to 8 s."""
        tries = [_FREE_TRIES, _FREE_TRIES_OF_A_LOGIN]
        counts = [self._count(name) for name in _names(address, login)]
        return max(_delay_s(count - free) for count, free in zip(counts, tries, strict=False))

    def hold(self, address: str) -> bool:
        """May one more refusal of this client wait? If so, `let_go` follows."""
        client = client_of(address)
        if self._all_held >= self._most_held or self._held[client] >= _MOST_HELD_FOR_ONE:
            return False
        self._all_held += 1
        self._held[client] += 1
        return True

    def let_go(self, address: str) -> None:
        client = client_of(address)
        self._all_held -= 1
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]

    def _window(self) -> int:
        return int(self._clock.monotonic() / WINDOW_S)

    def _count(self, name: str) -> int:
        window = self._window()
        return self._counts.total(f"{name} {window}") + self._counts.total(f"{name} {window - 1}")

    def _forget(self, window: int) -> None:
        """The oldest failures stand in front: drop what counts no more, and what is past the bound."""
        while self._own:
            oldest = next(iter(self._own))
            if len(self._own) <= _MOST_COUNTS and self._own[oldest][1] >= window - 1:
                return
            del self._own[oldest]
            self._counts.put(oldest, 0)


def _delay_s(too_many: int) -> float:
    return min(_MOST_DELAY_S, 0.25 * 2.0 ** min(10, too_many)) if too_many > 0 else 0.0


def _names(address: str, login: str) -> list[str]:
    """Under what a failure counts. A login is counted as it was given, so what does not exist counts alike;
    `apikey` and tokens are no one's login."""
    login = login.strip().lower()
    names = [_of_client(address)]
    if "@" in login:
        names.append(f"wrong login {login[:_LONGEST_LOGIN]}")
    return names


def _of_client(address: str) -> str:
    return f"wrong client {client_of(address)}"
