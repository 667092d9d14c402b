"""Letters, deliveries and events for the tests of the store."""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.store.connection import Connection
from posthouse.store.messages import Accepted
from posthouse.store.quotas import GivenUp

CLOCK = FakeClock()
IDS = Ids(CLOCK)
NOW = CLOCK.now()


def keep_room(conn: Connection, given_up: Sequence[GivenUp]) -> None:
    """For mail that waits for no limit."""
    assert not given_up


def letter(
    *recipients: str,
    account: str = "acc",
    at: float = NOW,
    body: bytes = b"Subject: x\r\n\r\nhello\r\n",
    state: DeliveryState = DeliveryState.WAITING,
    owner: str = "",
) -> Accepted:
    """A letter to `recipients`, accepted at `at`, with an accepted event for each."""
    message_id = IDS.new()
    message = Message(
        message_id, account, "sender.test", "cred", "bounce@sender.test", "x", "", len(body), at, at + 432_000
    )
    deliveries = [
        Delivery(
            id=f"{message_id}.{number:04}",
            message_id=message_id,
            account_id=account,
            recipient=recipient,
            domain=recipient.partition("@")[2],
            lane=f"{account}|{recipient.partition('@')[2]}|single",
            state=state,
            due_at=at,
            expires_at=at + 432_000,
            attempt=1 if owner else 0,
            owner=owner,
        )
        for number, recipient in enumerate(recipients or ("ann@one.test",))
    ]
    return Accepted(message, body, deliveries, [event(each, EventKind.ACCEPTED, at) for each in deliveries])


def event(delivery: Delivery, kind: EventKind, at: float = NOW) -> Event:
    """An event of `delivery`."""
    return Event(
        IDS.new(),
        kind,
        at,
        delivery.account_id,
        "sender.test",
        delivery.message_id,
        delivery.id,
        delivery.recipient,
        {"code": 250, "text": "ok"},
    )
