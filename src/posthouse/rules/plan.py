"""One delivery per recipient, each in its lane (`model.lane`) and with its own times.

Public: deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.model.lane import lane_of
from posthouse.model.message import Delivery, DeliveryState, Message, Recipient
from posthouse.model.options import options_text
from posthouse.rules.suppression import BAD_ADDRESS


def deliveries(
    message: Message,
    recipients: Sequence[Recipient],
    due_at: float,
    state: DeliveryState = DeliveryState.WAITING,
) -> list[Delivery]:
    """One delivery per distinct recipient, in the order given, due at `due_at` unless a later time is asked
    for. A recipient with a `drop_reason` is dropped from the beginning.

    Ids are `<message id>.<n:04d>` from 0, so that "the deliveries of a message" is a key range. One
    recipient makes class single, more make class batch.
    """
    wanted = _distinct(recipients)
    goes_to_many, scanned = len(wanted) > 1, message.options.spam_limit > 0
    at = message.options.deliver_at
    made = []
    for number, (recipient, personal) in enumerate(wanted):
        due = max(due_at, recipient.deliver_at or at)
        delivery = Delivery(
            id=f"{message.id}.{number:04d}",
            message_id=message.id,
            account_id=message.account_id,
            recipient=recipient.address,
            domain=recipient.domain,
            lane=lane_of(recipient.domain, message.account_id, goes_to_many, scanned),
            state=state,
            due_at=due,
            expires_at=_expiry(message, due),
            notify=recipient.notify,
            orcpt=recipient.orcpt,
            personal=personal,
        )
        if recipient.drop_reason:
            delivery.state, delivery.due_at = DeliveryState.DROPPED, due_at
            delivery.last_code, delivery.last_text = BAD_ADDRESS.code, BAD_ADDRESS.text
        made.append(delivery)
    return made


def _expiry(message: Message, due_at: float) -> float:
    """Time to deliver counts from when a delivery is due: mail for next week is not late next week."""
    if message.options.deliver_within_s:
        return due_at + message.options.deliver_within_s
    return message.expires_at + (due_at - message.accepted_at)


def _distinct(recipients: Sequence[Recipient]) -> list[tuple[Recipient, str]]:
    """Each recipient once with the text of its options, the first RCPT wins: an address named twice gets one
    copy, unless its copies differ.

    Local parts are compared byte for byte, their case too (RFC 5321 2.4).
    """
    if len(recipients) == 1:
        return [(recipients[0], options_text(recipients[0].options))]
    first: dict[tuple[str, str], Recipient] = {}
    for recipient in recipients:
        first.setdefault((recipient.address, options_text(recipient.options)), recipient)
    return [(recipient, personal) for (_, personal), recipient in first.items()]
