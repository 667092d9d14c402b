"""Complaints that senders want to read: who gets them, and how many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import SendOptions
from posthouse.pipeline.forwards import MOST_AN_HOUR, Forwards

IDS = Ids(FakeClock())
MESSAGE = Message(
    "m1",
    "acc",
    "shop.test",
    "cred",
    "o@shop.test",
    "",
    "<1@x>",
    1,
    0.0,
    9.0,
    options=SendOptions(forward_complaints_to="abuse@shop.test"),
)
DELIVERY = Delivery("m1.0001", "m1", "acc", "ann@far.test", "far.test", "", DeliveryState.DELIVERED, 0.0, 9.0)


def test_it_goes_from_the_null_sender_and_names_its_cause() -> None:
    made = Forwards(ids=IDS, hostname="mail.house.test").complaint(MESSAGE, DELIVERY, b"report", 7200.0)
    assert made is not None
    assert (made.message.sender, made.message.credential_id, made.message.account_id) == ("", "", "acc")
    assert [(each.recipient, each.notify) for each in made.deliveries] == [("abuse@shop.test", "NEVER")]
    assert [event.data["complaint_about"] for event in made.events] == ["m1"]
    assert made.message.size_bytes == len(made.content)


def test_several_may_read_it() -> None:
    options = SendOptions(forward_complaints_to="abuse@shop.test, no address, desk@shop.test")
    made = Forwards(ids=IDS, hostname="h.test").complaint(
        replace(MESSAGE, options=options), DELIVERY, b"x", 0.0
    )
    assert made is not None
    assert [each.recipient for each in made.deliveries] == ["abuse@shop.test", "desk@shop.test"]
    assert b"To: <abuse@shop.test>,\r\n <desk@shop.test>\r\n" in made.content
    assert len(made.events) == 2


@pytest.mark.parametrize("place", ["", "no address", "grüße@shop.test", "a@b\r\nc"])
def test_nowhere_to_send_it(place: str) -> None:
    message = replace(MESSAGE, options=SendOptions(forward_complaints_to=place))
    assert Forwards(ids=IDS, hostname="h.test").complaint(message, DELIVERY, b"x", 0.0) is None


def test_a_flood_ends_for_its_account_and_hour() -> None:
    forwards = Forwards(ids=IDS, hostname="h.test")
    made = [forwards.complaint(MESSAGE, DELIVERY, b"x", 3600.0) for _ in range(MOST_AN_HOUR + 5)]
    assert sum(each is not None for each in made) == MOST_AN_HOUR
    assert forwards.complaint(replace(MESSAGE, account_id="other"), DELIVERY, b"x", 3601.0)
    assert forwards.complaint(MESSAGE, DELIVERY, b"x", 7200.0)
