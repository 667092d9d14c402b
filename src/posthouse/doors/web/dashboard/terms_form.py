"""From where a user, key or token may be used, until when, and the limits of its sessions, as forms say it.

Public: terms_of.
"""

from __future__ import annotations

from posthouse.desk.expiry import NEVER, parse_expiry
from posthouse.desk.terms import ANY, DEFAULT, Terms
from posthouse.doors.web.dashboard.visit import Visit


def terms_of(visit: Visit) -> Terms:
    """Everything is said: an empty field means from anywhere, the usual limit, or never. Raises Refused."""
    return Terms(
        visit.field("ranges").split() or [ANY],
        visit.field("messages") or DEFAULT,
        visit.field("connections") or DEFAULT,
        _expiry(visit),
    )


def _expiry(visit: Visit) -> float | None:
    """One that stands there as it stood stays, even when it is over."""
    text = visit.field("expires")
    if text == visit.field("expires_before"):
        return None
    return parse_expiry(text, visit.now) if text else NEVER
