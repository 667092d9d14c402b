"""When a receiver of posts is tried again, how long it rests, and when it is switched off.

Two things grow apart from each other: each event has its ladder of pauses (its service's own), and a receiver
that fails rests as a whole, so that one that is down costs a try every few minutes whatever waits for it.

Public: life_s, again_at, rest_s, parse_retry_after, why_off, in_plain_words, LONG_S.
"""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime

from posthouse.model.hook import Hook, HookForm

LEAST_LIFE_S = 3 * 86400.0  # longer than some services try: a receiver may be down over a weekend
LONG_S = 5 * 86400.0
_REST_LEAST_S, _REST_MOST_S = 1.0, 300.0
_ASKED_MOST_S = 3600.0
_OF_PYTHON = re.compile(
    r"[A-Z]\w*(?:Error|Exception)(?:\Z|: (?:\[Errno -?\d+\] )?(?P<rest>.*))"
    r"|(?:InvalidURL|PrivateAddress): (?P<own>.*)",
    re.DOTALL,
)
_SPREAD = 0.2  # of each pause, so that what failed together does not come back together


def life_s(form: HookForm) -> float:
    """How long after it happened an event is tried."""
    return max(form.life_s, LEAST_LIFE_S)


def again_at(form: HookForm, attempt: int, now: float, expires_at: float, chance: float) -> float | None:
    """When an event whose `attempt`-th try failed is tried again; None: never. `chance` is 0 … 1."""
    pause = form.pauses_s[min(attempt, len(form.pauses_s)) - 1]
    at = now + pause * (1 + _SPREAD * (2 * chance - 1))
    return at if at < expires_at else None


def rest_s(failures: int, asked_s: float, chance: float) -> float:
    """How long a receiver is left alone after so many failures in a row; `asked_s`: what it asked for."""
    own = min(_REST_MOST_S, _REST_LEAST_S * 2.0 ** min(failures - 1, 20))
    return max(own * (1 - _SPREAD * chance), min(asked_s, _ASKED_MOST_S))


def parse_retry_after(text: str, now: float) -> float:
    """Seconds that a Retry-After field asks for (RFC 9110 10.2.3), 0 for none or nonsense."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    return max(0.0, at.timestamp() - now)


def in_plain_words(text: str) -> str:
    """Why there was no answer, as versions before this one kept it: `ClientConnectorDNSError: [Errno -2] Name
    or service not known` -> `Name or service not known`. What is written for people stays."""
    found = _OF_PYTHON.match(text)
    if found is None:
        return text
    return found["rest"] or found["own"] or "there was no answer"


def why_off(form: HookForm, hook: Hook, status: int, now: float) -> str:
    """Why a failure switches the receiver off, as a sentence; "" when it does not. `status` 0: no answer."""
    said = f"answered {status}" if status else "did not answer"
    if status in form.switches_off_on:
        return f"it {said}: it wants no more posts"
    if hook.settings.stops_at_failure:
        return f"it {said}, and it is to be switched off at the first failure"
    if hook.troubled_at and now - hook.troubled_at > LONG_S:
        return f"every post failed for {LONG_S / 86400:.0f} days; the last time it {said}"
    return ""
