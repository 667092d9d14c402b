"""When a deferred delivery is tried again, or that it is given up.

RFC 5321 4.5.4.1 wants long pauses in general and allows a few early tries; receivers that greylist want a
second try of the same triplet after some minutes (F45). So the pauses depend on the reason:

    ordinary   5 min, 10 min, 30 min, 1 h, 2 h, then every 4 h
    quick      2 min, 5 min, then as ordinary from its third pause (greylisting, unreachable hosts)
    slow       30 min, 30 min, 30 min, 1 h, … (rate and block replies, full mailboxes, an unknown outcome)

Each pause is lengthened by up to a fifth by `jitter`, never shortened, so that the formula is a true bound:
**a delivery that may wait `w` seconds is tried at most `most_attempts(w)` times**, that is once, and once
more for each partial sum of the pauses that is smaller than `w` (with the built-in pauses and 5 days: 35).
Where a whole site rests (`window.Window`) deliveries wait longer without an attempt.

Public: Schedule, BUILT_IN, schedule_from, next_attempt, most_attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

QUICK_REASONS = frozenset({"greylisted", "connection", "dns", "service-unavailable"})
SLOW_REASONS = frozenset({"rate-limited", "policy-block", "mailbox-full", "ambiguous"})


@dataclass(frozen=True, slots=True)
class Schedule:
    """`pauses_s` between attempts, the last one repeats. `quick_s` replaces the first ones for quick
    reasons; slow reasons never wait less than the pause number `slow_from` (from 0). `spread`: the largest
    share by which jitter lengthens a pause."""

    pauses_s: tuple[float, ...] = (300, 600, 1800, 3600, 7200, 14400)
    quick_s: tuple[float, ...] = (120, 300)
    slow_from: int = 2
    spread: float = 0.2

    def pause_s(self, attempt: int, reason: str = "") -> float:
        """The pause after the attempt with this number (the first is 1), without jitter."""
        step = max(attempt, 1) - 1
        if reason in QUICK_REASONS and step < len(self.quick_s):
            return self.quick_s[step]
        if reason in SLOW_REASONS:
            step = max(step, self.slow_from)
        return self.pauses_s[min(step, len(self.pauses_s) - 1)]


BUILT_IN = Schedule()


def schedule_from(pauses_s: Sequence[float]) -> Schedule:
    """The operator's pauses, the same for every reason; an empty list means the built-in schedule."""
    if not pauses_s:
        return BUILT_IN
    return Schedule(tuple(pauses_s), quick_s=(), slow_from=0)


def next_attempt(
    schedule: Schedule,
    attempt: int,
    *,
    now: float,
    expires_at: float,
    jitter: float,
    reason: str = "",
) -> float | None:
    """The instant of the next attempt after attempt number `attempt` failed now, or None: give up.

    `jitter` is a number from 0 to 1 that the caller drew. Given up is when the next attempt would not
    begin before `expires_at`: waiting longer would only make the sender's notice later.
    """
    pause_s = schedule.pause_s(attempt, reason) * (1 + schedule.spread * min(max(jitter, 0.0), 1.0))
    due_at = now + pause_s
    return due_at if due_at < expires_at else None


def most_attempts(window_s: float, schedule: Schedule = BUILT_IN) -> int:
    """The upper bound of attempts for a delivery that expires `window_s` after its first one (F35)."""
    last = schedule.pauses_s[-1]
    steps = max(len(schedule.pauses_s), len(schedule.quick_s))
    spent, attempts = 0.0, 1
    for attempt in range(1, steps + 1):
        ordinary, quick = schedule.pause_s(attempt), schedule.pause_s(attempt, "greylisted")
        spent += min(ordinary, quick)
        if spent >= window_s:
            return attempts
        attempts += 1
    whole = int((window_s - spent) // last)
    return attempts + whole - (1 if spent + whole * last >= window_s else 0)
