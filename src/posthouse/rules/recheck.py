"""When a domain counts as verified, and when it is looked at again (docs/decisions/015).

Verified: the required record was seen. It stays verified through trouble with DNS, and also while the record
is gone, until that has been seen for three days: a zone that is moved or mended must not stop the mail.

Public: Standing, Seen, required_of, after_check, FRESH, LOST_S.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from posthouse.rules.checks import Check, State

LOST_S = 3 * 86400.0
_GAP_S = 12 * 3600.0  # between two looks at a lost record not more than this counts
_LOST_PAUSE_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a domain stands. `checked_at` 0: never; `tries`: checks since it last changed between there and
    not there; `lost_at`: since when a verified domain's required record has been gone, moved on by time in
    which nobody looked or nobody could say; `was_there`: the last word of DNS about it."""

    checked_at: float = 0.0
    next_at: float = 0.0
    tries: int = 0
    lost_at: float | None = None
    was_there: bool = False


FRESH = Standing()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check made of it."""

    standing: Standing
    is_verified: bool


def required_of(checks: Iterable[Check]) -> State:
    """OK when every required record is; UNKNOWN when only nobody could say; else MISSING."""
    states = {check.state for check in checks if check.record.is_required}
    if not states or states & {State.MISSING, State.WRONG}:
        return State.MISSING
    return State.UNKNOWN if State.UNKNOWN in states else State.OK


def after_check(
    before: Standing,
    required: State,
    now: float,
    *,
    is_verified: bool,
    pauses: Sequence[float],
    verified_pause_s: float,
) -> Seen:
    """`pauses` between the checks of a domain that is not as it should be, the last repeats;
    `verified_pause_s` between those of one that is."""
    if required is State.OK:
        return _there(before, now, is_verified, pauses, verified_pause_s)
    tries = before.tries + 1
    pause = pauses[min(tries, len(pauses)) - 1]
    standing = replace(before, checked_at=now, tries=tries)
    if required is State.MISSING:
        standing = replace(standing, was_there=False)
    if not is_verified:
        return Seen(replace(standing, next_at=now + pause, lost_at=None), False)
    if required is State.UNKNOWN:
        moved = None if before.lost_at is None else before.lost_at + now - before.checked_at
        return Seen(replace(standing, next_at=now + min(pause, verified_pause_s), lost_at=moved), True)
    return _gone(before, standing, now, pauses, verified_pause_s)


def _there(
    before: Standing, now: float, is_verified: bool, pauses: Sequence[float], verified_pause_s: float
) -> Seen:
    tries = before.tries + 1 if before.was_there and is_verified else 0
    # soon once more: mail that a worker held in the very second of the change is let go then
    pause = verified_pause_s if tries else min(pauses[0], verified_pause_s)
    return Seen(Standing(now, now + pause, tries, None, was_there=True), True)


def _gone(
    before: Standing, standing: Standing, now: float, pauses: Sequence[float], verified_pause_s: float
) -> Seen:
    if before.lost_at is None and not before.was_there:
        # verified by somebody's word, never by DNS: DNS cannot take it away
        return Seen(replace(standing, next_at=now + verified_pause_s), True)
    if before.lost_at is None:
        soon = min(pauses[0], _LOST_PAUSE_S)
        return Seen(replace(standing, next_at=now + soon, tries=0, lost_at=now), True)
    lost_at = before.lost_at + max(0.0, now - before.checked_at - _GAP_S)
    if now - lost_at >= LOST_S:
        return Seen(replace(standing, next_at=now + pauses[0], tries=0, lost_at=None), False)
    pause = min(pauses[min(standing.tries, len(pauses)) - 1], _LOST_PAUSE_S)
    return Seen(replace(standing, next_at=now + pause, lost_at=lost_at), True)
