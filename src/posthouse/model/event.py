"""Facts. An event is appended once and never changed; everything that people see is read from events."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened. Terminal for a recipient: DELIVERED, FAILED, DROPPED, CANCELLED.

    BOUNCED: mail came back that had been delivered; DELIVERED stays true, and stays the only terminal event.
    STORED: a copy was kept for people to read. REJECTED: a letter was refused at the door, its message has no
    rows. RESUBSCRIBED: somebody who had left came back.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"
    DROPPED = "dropped"
    CANCELLED = "cancelled"
    HELD = "held"
    RELEASED = "released"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    RESUBSCRIBED = "resubscribed"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    STORED = "stored"


TERMINAL = frozenset({EventKind.DELIVERED, EventKind.FAILED, EventKind.DROPPED, EventKind.CANCELLED})


@dataclass(slots=True)
class Event:
    """One fact about one recipient of one message (`delivery_id` and `recipient` are "" for a whole message).

    `data` is the kind's own detail as plain JSON values: code, enhanced, text, mx, address, tls, transcript,
    attempt, retry_at, ambiguous, tags (list), metadata (object), … Stored as JSON text; never queried by its
    inside.
    """

    id: str
    kind: EventKind
    at: float
    account_id: str
    domain: str
    message_id: str
    delivery_id: str = ""
    recipient: str = ""
    data: dict[str, Any] = field(default_factory=dict)
