"""D-07 with everything real: lists that fill themselves, and lists that stop mail, also on its way."""

from __future__ import annotations

import pytest

from house import books
from house.conftest import Stores
from house.house import DOMAIN, House, Houses, unique, until

pytestmark = pytest.mark.long

LATER = {"delivery": {"retry_s": [3600]}}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    """What fails for now waits for an hour."""
    return shared_houses.new(store=stores.fresh(request.param), settings=LATER)


def kinds(house: House, recipient: str) -> list[str]:
    return [event["kind"] for event in house.events(recipient)]


def test_D_07_an_address_that_bounced_gets_no_second_letter(house: House) -> None:
    recipient = f"{unique()}@bounce.test"
    house.submit([recipient])
    house.event(recipient, "failed")
    (row,) = house.cli_rows("suppression", "list", "--address", recipient)
    assert (row["kind"], row["domain"]) == ("bounce", DOMAIN)
    assert row["detail"] == "550 5.1.1 No such mailbox here"
    house.submit([recipient])
    dropped = house.event(recipient, "dropped")
    assert (dropped["reason"], dropped["code"]) == ("suppress-bounce", 605)
    house.command("suppression", "remove", recipient)
    house.submit([recipient])
    house.event(recipient, "failed", count=2)


def test_D_07_an_allowed_domain_is_never_listed_for_bounces(house: House) -> None:
    recipient = f"{unique()}@bounce.test"
    house.command("allow", "add", "@bounce.test")
    house.submit([recipient])
    house.event(recipient, "failed")
    assert house.cli_rows("suppression", "list", "--address", recipient) == []
    house.command("allow", "remove", "@bounce.test")


def test_D_07_a_dead_domain_makes_its_addresses_invalid(house: House) -> None:
    recipient = f"{unique()}@nxdomain.test"
    house.submit([recipient])
    house.event(recipient, "failed")
    (row,) = house.cli_rows("suppression", "list", "--address", recipient)
    assert row["kind"] == "invalid"


def test_F66_who_leaves_while_mail_is_queued_gets_none(house: House) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    house.submit([recipient])
    house.event(recipient, "deferred")
    until(lambda: house.state(recipient) == "waiting", 5, "the letter to wait")
    house.command("suppression", "add", recipient)
    house.command("queue", "flush", "--recipient", recipient)
    house.event(recipient, "dropped")
    assert kinds(house, recipient) == ["accepted", "deferred", "dropped"]


def test_S29_suppressing_during_a_batch_has_one_effect_for_everybody(house: House) -> None:
    tag = unique()
    recipients = [f"{tag}{number}@slow.test" for number in range(160)]
    message_id = house.submit(recipients)
    house.cli_rows("suppression", "add", *recipients[-100:])
    waiting = "select id from delivery where domain = 'slow.test' and state in ('waiting', 'taken')"
    until(lambda: not books.rows(house.store, waiting), 90, "the batch to end")
    rows = house.cli_rows("events", "--message", message_id, "--limit", "1000")
    ends: dict[str, list[str]] = {recipient: [] for recipient in recipients}
    for row in rows:
        if row["kind"] in ("delivered", "dropped", "failed"):
            ends[row["recipient"]].append(row["kind"])
    assert all(len(end) == 1 for end in ends.values())
    assert all(ends[recipient] == ["delivered"] for recipient in recipients[:60])
    assert ["dropped"] in [ends[recipient] for recipient in recipients[60:]]
