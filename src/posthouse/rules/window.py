"""How many conversations a site bears, found out by trying; and how fast. Pure state driven by `now`.

`Window` grows while it is full and things go well, shrinks at trouble, and rests after three troubles in a
row; after a rest one single conversation probes (docs/decisions/024). `Bucket` is a rate.

What goes wrong without this: a dead host would be tried with everything that waits for it, and a host that
says "421 too many connections" would hear the same again at once.

Public: Window, Bucket, RESTS_S.
"""

from __future__ import annotations

from posthouse.rules.site_limits import Limits

RESTS_S = (15.0, 60.0, 300.0, 900.0, 1800.0)
_TROUBLES_TO_REST = 3
_STEADY_SUCCESSES = 10
_PATIENCE = 10  # rounds of successes before the width that failed last is tried again
_FAR = 1_000_000_000


class Window:
    """How many conversations one site may have with this worker now. `most`: the worker's share of the
    limit (default: all of it).

    Three speeds of growth: by one with each success up to `_easy` (until the first trouble that is
    everywhere), then by one with each round of successes, and with ten rounds to the width at which trouble
    came last (`_ceiling`). A lone trouble after a whole round of successes takes one conversation away, one
    that comes sooner takes half. After a rest a good probe opens half of what was proven before, half as
    much again for every probe that failed meanwhile.

    Instants are of any clock that does not step, always the same one. Nothing ends a rest early.
    """

    __slots__ = (
        "_ceiling",
        "_credit",
        "_easy",
        "_is_probing",
        "_level",
        "_most",
        "_proven",
        "_returns_to",
        "_steady",
        "_streak",
        "_width",
        "rests_until",
    )

    def __init__(self, limits: Limits, most: int | None = None) -> None:
        self._most = limits.connections if most is None else most
        self._width = self._proven = self._returns_to = max(1, limits.first_connections)
        self._easy = self._ceiling = _FAR
        self._streak = self._steady = self._level = self._credit = 0
        self._is_probing = False
        self.rests_until = float("-inf")

    def allowed(self, now: float) -> int:
        """Conversations that may run at the same time; 0 while the site rests."""
        return 0 if now < self.rests_until else min(self._width, self._most)

    @property
    def most(self) -> int:
        """The worker's share as it stands."""
        return self._most

    @property
    def width(self) -> int:
        """What was found out so far; the share may be less."""
        return self._width

    @property
    def is_probing(self) -> bool:
        """The next conversation decides whether the site is back."""
        return self._is_probing

    def set_most(self, most: int) -> None:
        """The share changed: a worker came or went, or the limit is another."""
        self._most = most

    def success(self, now: float, *, was_saturated: bool) -> None:
        """A conversation worked (whatever the reply said). Grows only when the window was the limit."""
        self._streak = 0
        if now < self.rests_until:  # begun before the trouble: says nothing about the site now
            return
        self._steady += 1
        if self._steady >= _STEADY_SUCCESSES:
            self._level = 0
        if self._is_probing:
            self._is_probing = False
            self._width = max(2, self._returns_to)
        elif was_saturated and self._width < self._most:
            self._grow()

    def trouble(self, now: float) -> None:
        """The connection failed, or the site asked for a rest (421, rate replies)."""
        if now < self.rests_until:  # ten conversations that die together are one trouble, not ten
            return
        width = min(self._width, max(self._most, 1))
        is_lone = self._steady >= width
        if not self._streak:
            self._proven = max(width, 1)
        self._streak += 1
        self._steady = self._credit = 0
        if self._is_probing or self._streak >= _TROUBLES_TO_REST:
            self._rest(now)
            return
        self._ceiling = width
        self._easy = self._width = max(1, width - 1 if is_lone else width // 2)

    def _grow(self) -> None:
        if self._width < self._easy:
            price = 1
        else:
            price = self._width * (_PATIENCE if self._width + 1 == self._ceiling else 1)
        self._credit += 1
        if self._credit < price:
            return
        self._credit = 0
        self._width += 1
        if self._width > self._ceiling:
            self._ceiling = _FAR  # it bears more than it did

    def _rest(self, now: float) -> None:
        self.rests_until = now + RESTS_S[min(self._level, len(RESTS_S) - 1)]
        self._level += 1
        self._streak = 0
        self._width = 1
        if self._is_probing:
            self._returns_to = max(1, self._returns_to // 2)
        else:
            self._returns_to = self._easy = max(1, self._proven // 2)
        self._ceiling = _FAR  # a site that is down says nothing about how much it bears
        self._is_probing = True


class Bucket:
    """A rate: `take` grants at most `per_second` a second on average, with a burst of one second's worth."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._burst = max(1.0, per_second)
        self._left = self._burst
        self._at = now

    @property
    def per_second(self) -> float:
        return self._per_second

    def set_rate(self, per_second: float, now: float) -> None:
        """Another rate from now on; what was saved up stays, within the new burst."""
        self._fill(now)
        self._per_second = per_second
        self._burst = max(1.0, per_second)
        self._left = min(self._left, self._burst)

    def take(self, now: float) -> bool:
        """One more now? A clock that goes backwards earns nothing and costs nothing."""
        self._fill(now)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until `take` may grant again; 0 when it would now."""
        self._fill(now)
        return max(0.0, (1.0 - self._left) / self._per_second)

    def _fill(self, now: float) -> None:
        if now > self._at:
            # the last bit of a float must not make the caller wait twice for the same token
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second + 1e-9)
            self._at = now
