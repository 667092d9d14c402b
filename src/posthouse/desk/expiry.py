"""When a user, key or token ends by itself: how people write it, and what may be written.

Public: NEVER, parse_expiry, judge_expiry, has_expired.
"""

from __future__ import annotations

import datetime as dt
import math
import re

from posthouse.model.errors import Refused

NEVER = math.inf
"""Said for a credential that does not expire."""

_MOST_S = 100 * 366 * 86400
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"(\d{1,9})([smhdw])\Z", re.ASCII)


def parse_expiry(text: str, now: float) -> float:
    """`90d` (from now; also s, m, h, w), an ISO date or time (UTC unless it says otherwise; a date is its
    beginning), or `never`. Raises Refused."""
    text = text.strip()
    if text.lower() == "never":
        return NEVER
    if span := _SPAN.match(text):
        return judge_expiry(now + int(span[1]) * _UNIT_S[span[2]], now)
    try:
        found = dt.datetime.fromisoformat(text)
        at = (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        words = f"{text[:40]!r} is no time: write 90d or 12h (from now), 2027-01-31, or never"
        raise _refused(words) from None
    return judge_expiry(at, now)


def judge_expiry(at: float, now: float) -> float:
    """The same instant. Raises Refused for one that is over, or further away than a hundred years."""
    if at <= now:
        raise _refused("A credential expires in the future; to end it now, revoke it")
    if at - now > _MOST_S:
        raise _refused("A credential expires within a hundred years, or never")
    return at


def has_expired(expires_at: float | None, now: float) -> bool:
    return expires_at is not None and expires_at <= now


def _refused(text: str) -> Refused:
    return Refused(501, "5.5.4", text, reason="bad-terms")
