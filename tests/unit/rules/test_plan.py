"""One delivery per recipient, each in its lane."""

from __future__ import annotations

from dataclasses import replace

from posthouse.model.lane import is_batch, is_scanned, lane_of, lane_parts
from posthouse.model.message import DeliveryState, Message, Recipient
from posthouse.model.options import RecipientOptions, SendOptions, read_recipient_options
from posthouse.rules.plan import deliveries


def message() -> Message:
    return Message("01ABC", "acc", "shop.test", "cred", "a@shop.test", "Hi", "<1@x>", 10, 1000.0, 2000.0)


def recipient(address: str, notify: str = "", orcpt: str = "") -> Recipient:
    return Recipient(address, address.rpartition("@")[2], notify, orcpt)


def test_one_recipient_is_single() -> None:
    (delivery,) = deliveries(message(), [recipient("b@x.test", "FAILURE", "rfc822;b@x.test")], due_at=1234.0)
    assert delivery.id == "01ABC.0000"
    assert delivery.lane == "acc|x.test|single"
    assert (delivery.message_id, delivery.account_id, delivery.domain) == ("01ABC", "acc", "x.test")
    assert (delivery.state, delivery.due_at, delivery.expires_at) == (DeliveryState.WAITING, 1234.0, 2234.0)
    assert (delivery.notify, delivery.orcpt, delivery.attempt) == ("FAILURE", "rfc822;b@x.test", 0)


def test_several_recipients_are_a_batch_with_sorted_ids() -> None:
    made = deliveries(message(), [recipient(f"u{n}@x.test") for n in range(1000)], due_at=0)
    assert [delivery.id for delivery in made] == sorted(delivery.id for delivery in made)
    assert made[999].id == "01ABC.0999"
    assert {delivery.lane for delivery in made} == {"acc|x.test|batch"}


def test_a_recipient_named_twice_gets_one_copy() -> None:
    twice = [recipient("b@x.test", "NEVER"), recipient("c@x.test"), recipient("b@x.test", "SUCCESS")]
    made = deliveries(message(), twice, due_at=0)
    assert [(delivery.recipient, delivery.notify) for delivery in made] == [
        ("b@x.test", "NEVER"),
        ("c@x.test", ""),
    ]


def test_twice_the_same_is_still_single() -> None:
    (delivery,) = deliveries(message(), [recipient("b@x.test")] * 2, due_at=0)
    assert delivery.lane.endswith("|single")


def test_local_parts_differ_by_case() -> None:
    assert len(deliveries(message(), [recipient("b@x.test"), recipient("B@x.test")], due_at=0)) == 2


def test_SG_09_mail_that_is_scanned_has_lanes_of_its_own() -> None:
    asked = replace(message(), options=SendOptions(spam_limit=5.0))
    one = deliveries(asked, [recipient("b@x.test")], due_at=0)
    two = deliveries(asked, [recipient("b@x.test"), recipient("c@x.test")], due_at=0)
    assert [lane_parts(each.lane)[2] for each in (*one, *two)] == ["single-scanned", *["batch-scanned"] * 2]
    assert [is_scanned(each.lane) for each in (*one, *two)] == [True] * 3
    assert [is_batch(each.lane) for each in (*one, *two)] == [False, True, True]
    usual = lane_of("x.test", "acc", True)
    assert is_batch(usual) and not is_scanned(usual)


def test_copies_that_differ_are_two() -> None:
    """SG-01: the same address with other values gets another copy; a blind copy is another one too."""
    ann, other = RecipientOptions(values=("Ann",)), RecipientOptions(values=("Anna",))
    people = [
        Recipient("b@x.test", "x.test", options=ann),
        Recipient("b@x.test", "x.test", options=other),
        Recipient("b@x.test", "x.test", options=RecipientOptions(values=("Ann",))),
        Recipient("b@x.test", "x.test", options=RecipientOptions(copy_of="c@x.test")),
    ]
    made = deliveries(message(), people, due_at=1000.0)
    assert [read_recipient_options(each.personal) for each in made] == [ann, other, people[3].options]


def test_times_of_message_and_recipient() -> None:
    """MG-14, MG-15, SG-03: time to deliver counts from when a delivery is due."""
    about = message()
    about.options = SendOptions(deliver_at=5000.0, deliver_within_s=300.0)
    people = [recipient("a@x.test"), Recipient("b@x.test", "x.test", deliver_at=7000.0)]
    made = deliveries(about, people, due_at=1000.0)
    assert [(each.due_at, each.expires_at) for each in made] == [(5000.0, 5300.0), (7000.0, 7300.0)]
    about.options = SendOptions(deliver_at=500.0)
    (past,) = deliveries(about, [recipient("a@x.test")], due_at=1000.0)
    assert (past.due_at, past.expires_at) == (1000.0, 2000.0)


def test_what_is_no_address_is_dropped_from_the_beginning() -> None:
    people = [Recipient("who?", "invalid", drop_reason="invalid-address"), recipient("a@x.test")]
    first, second = deliveries(message(), people, due_at=1000.0)
    assert (first.state, first.last_code) == (DeliveryState.DROPPED, 550)
    assert second.state is DeliveryState.WAITING
