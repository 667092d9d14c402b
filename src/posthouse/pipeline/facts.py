"""An event about one recipient of one letter.

Public: event_of.
"""

from __future__ import annotations

from typing import Any

from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, Message


def event_of(
    event_id: str, kind: EventKind, at: float, message: Message, delivery: Delivery, data: dict[str, Any]
) -> Event:
    """The columns are those of the letter and the delivery; `data` is the kind's own detail."""
    return Event(
        id=event_id,
        kind=kind,
        at=at,
        account_id=message.account_id,
        domain=message.domain,
        message_id=message.id,
        delivery_id=delivery.id,
        recipient=delivery.recipient,
        data=data,
    )
