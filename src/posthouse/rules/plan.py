"""One delivery per recipient, each in its lane.

A lane is "recipient-domain|account|class": what shares one fate (the receiving domain), one owner and one
place in the fair choice. A million messages held back by one domain are one lane.

Public: lane_of, lane_parts, distinct, deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.model.message import Delivery, DeliveryState, Message, Recipient

SINGLE = "single"
BATCH = "batch"


def lane_of(domain: str, account_id: str, is_batch: bool) -> str:
    """The lane of a delivery. `domain` is a lower-case A-label name or a literal: never with a bar in it."""
    return f"{domain}|{account_id}|{BATCH if is_batch else SINGLE}"


def lane_parts(lane: str) -> tuple[str, str, str]:
    """The reverse of `lane_of`: (domain, account id, class). Raises ValueError for anything else."""
    domain, account_id, kind = lane.split("|")
    return domain, account_id, kind


def distinct(recipients: Sequence[Recipient]) -> list[Recipient]:
    """Each address once, the first RCPT wins: a recipient named twice gets one copy.

    Local parts are compared byte for byte, their case too (RFC 5321 2.4).
    """
    if len(recipients) == 1:
        return list(recipients)
    first: dict[str, Recipient] = {}
    for recipient in recipients:
        first.setdefault(recipient.address, recipient)
    return list(first.values())


def deliveries(
    message: Message,
    recipients: Sequence[Recipient],
    due_at: float,
    state: DeliveryState = DeliveryState.WAITING,
) -> list[Delivery]:
    """One delivery per distinct recipient, in the order of the envelope, due at `due_at`.

    Ids are `<message id>.<n:04d>` from 0, so that "the deliveries of a message" is a key range. One
    recipient makes class single, more make class batch.
    """
    wanted = distinct(recipients)
    is_batch = len(wanted) > 1
    return [
        Delivery(
            id=f"{message.id}.{number:04d}",
            message_id=message.id,
            account_id=message.account_id,
            recipient=recipient.address,
            domain=recipient.domain,
            lane=lane_of(recipient.domain, message.account_id, is_batch),
            state=state,
            due_at=due_at,
            expires_at=message.expires_at,
            notify=recipient.notify,
            orcpt=recipient.orcpt,
        )
        for number, recipient in enumerate(wanted)
    ]
