"""Time and names: the only places where the wall clock and randomness enter the house.

Instants are float seconds since the epoch, UTC, and carry the suffix `_at`; spans carry `_s`.
"""

from __future__ import annotations

import os
import random
import time
from typing import Protocol

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: sorts like the number
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


class Clock(Protocol):
    """Where `now` (wall clock, UTC) and `monotonic` (never steps) come from."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class FakeClock:
    """A clock that tests move by hand; both readings advance together."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds


class Ids:
    """Makes 26-character ids that sort by time: 10 characters of milliseconds, 16 of randomness and count.

    Within a process ids never repeat and never go backwards, even when the clock does: the last 80 bits
    start at a random number each millisecond and count up inside it. They are names, not secrets. After a
    fork call `reseed`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reseed()

    def reseed(self) -> None:
        # seeded from the system once: asking it each millisecond would give up the interpreter's lock there
        self._random = random.Random(os.urandom(32))  # noqa: S311
        self._last_ms = 0
        self._tail = 0

    def now(self) -> float:
        """The clock's instant."""
        return self._clock.now()

    def new(self) -> str:
        """One id, 26 characters of Crockford base 32."""
        ms = int(self._clock.now() * 1000)
        if ms > self._last_ms:
            self._last_ms = ms
            self._head = _base32(ms, 5)
            self._tail = self._random.getrandbits(71) << 1  # of 80 bits: room to count
        else:
            self._tail += 2  # every second: see `beside`
        return self._head + _base32(self._tail, 8)


def id_at(at: float) -> str:
    """Where the ids of an instant begin: it sorts before them and behind all earlier ones."""
    return _base32(int(at * 1000), 5)


def instant_of(id: str) -> float:
    """When an id was made, to the millisecond."""
    number = 0
    for letter in id[:10]:
        number = number * 32 + _ALPHABET.index(letter)
    return number / 1000


def beside(id: str) -> str:
    """The one id that sorts right behind `id` and that no `Ids` makes: for a fact that belongs to another.

    Ids end with an even digit, so nothing is carried.
    """
    return id[:-1] + _ALPHABET[_ALPHABET.index(id[-1]) + 1]


def _base32(number: int, pairs: int) -> str:
    """`number` as `pairs` two-character groups, most significant first."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(10 * (pairs - 1), -1, -10)])
