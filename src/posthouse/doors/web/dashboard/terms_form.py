"""From where a user, key or token may be used, and the limits of its sessions, as forms say it.

Public: terms_of.
"""

from __future__ import annotations

from posthouse.desk.terms import ANY, DEFAULT, Terms
from posthouse.doors.web.dashboard.visit import Visit


def terms_of(visit: Visit) -> Terms:
    """Everything is said: an empty field means from anywhere, or the usual limit."""
    return Terms(
        visit.field("ranges").split() or [ANY],
        visit.field("messages") or DEFAULT,
        visit.field("connections") or DEFAULT,
    )
