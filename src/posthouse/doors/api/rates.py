"""How many calls a credential may make in a minute, mail not counted.

Counted in the worker's memory; the counts of a minute are forgotten with it.

Public: CallRates, Rate, rate_headers.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from posthouse.model.clock import Clock

WINDOW_S = 60.0
_MOST_COUNTED = 100_000


class Rate(NamedTuple):
    """Calls of a credential in this minute: the most, how many are left (negative: one too many), the instant
    when the next minute begins and how many seconds that is away."""

    most: int
    left: int
    resets_at: float
    rest_s: float


def rate_headers(rate: Rate, *, per_s: int = 1) -> dict[str, str]:
    """`per_s`: in how many parts of a second the time of the reset is counted."""
    return {
        "X-RateLimit-Limit": str(rate.most),
        "X-RateLimit-Remaining": str(max(0, rate.left)),
        "X-RateLimit-Reset": str(int(rate.resets_at * per_s)),
    }


class CallRates:
    """`most`: calls a minute and credential, 0 for no limit."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._window = -1
        self._counts: Counter[str] = Counter()

    def count(self, credential_id: str) -> Rate | None:
        """Count a call; None: there is no limit."""
        if not self._most:
            return None
        now = self._clock.monotonic()
        window = int(now / WINDOW_S)
        if window != self._window or len(self._counts) > _MOST_COUNTED:
            self._window, self._counts = window, Counter()
        self._counts[credential_id] += 1
        rest_s = (window + 1) * WINDOW_S - now
        left = self._most - self._counts[credential_id]
        return Rate(self._most, left, self._clock.now() + rest_s, rest_s)
