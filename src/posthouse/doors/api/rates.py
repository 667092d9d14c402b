"""How many calls a credential may make in a minute, mail not counted.

Counted in the worker's memory; the counts of a minute are forgotten with it.

Public: CallRates.
"""

from __future__ import annotations

from collections import Counter

from posthouse.doors.api.answers import Problem
from posthouse.model.clock import Clock

WINDOW_S = 60.0
_MOST_COUNTED = 100_000


class CallRates:
    """`most`: calls a minute and credential, 0 for no limit."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._window = -1
        self._counts: Counter[str] = Counter()

    def judge(self, credential_id: str) -> None:
        """Count a call. Raises Problem (429) for one too many."""
        if not self._most:
            return
        now = self._clock.monotonic()
        window = int(now / WINDOW_S)
        if window != self._window or len(self._counts) > _MOST_COUNTED:
            self._window, self._counts = window, Counter()
        self._counts[credential_id] += 1
        if self._counts[credential_id] > self._most:
            rest_s = (window + 1) * WINDOW_S - now
            raise Problem(429, "too-many-calls", "too many requests", retry_s=rest_s)
