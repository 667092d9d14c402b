"""Mail in test mode: failures to order with their posts, copies checked, and one sent for real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dkim_oracle import verified_signatures
from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.mailgun import records

POSTS = {"delivery": {"post_private_networks": "allow", "retry_s": [1]}, "hooks": {"plain_http": "allow"}}
TEST_MODE = ["X-Mailgun-Drop-Message: yes", "X-Mailgun-Tag: trial"]


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=POSTS)


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as found:
        yield found


def test_W_03_an_address_orders_each_failure_with_its_events_and_posts(
    house: House, receivers: Receivers
) -> None:
    path, tag = f"/{unique()}", unique()
    hook = house.cli("hook", "add", receivers.url(path), "--event", "failed,deferred,bounced,complained")
    orders = {
        f"refuse-550+{tag}@good.test": ["accepted", "failed"],
        f"defer-451-2+{tag}@good.test": ["accepted", "deferred", "deferred", "delivered", "stored"],
        f"bounce-late+{tag}@good.test": ["accepted", "delivered", "stored", "bounced"],
        f"complain+{tag}@good.test": ["accepted", "delivered", "stored", "complained"],
    }
    house.submit(list(orders), letter(next(iter(orders)), fields=TEST_MODE))
    for recipient, kinds in orders.items():
        until(lambda to=recipient, all=kinds: _kinds(house, to) == all, 30, f"{recipient}: {kinds}")
        assert house.internet.to(recipient) == []
    posts = receivers.got(path, 5)
    assert sorted(post.body["type"] for post in posts) == [
        "bounced", "complained", "deferred", "deferred", "failed",
    ]  # fmt: skip
    assert all(post.body["data"]["tags"] == ["trial"] for post in posts)
    house.cli("hook", "remove", hook["id"])
    listed = {row["address"] for row in house.cli_rows("suppression", "list")}
    assert not [each for each in listed if tag in each]


def _kinds(house: House, recipient: str) -> list[str]:
    return [event["kind"] for event in house.events(recipient)]


def test_W_03_a_captured_copy_is_checked_and_sent_for_real(house: House) -> None:
    recipient, other = f"{unique()}@good.test", f"{unique()}@good.test"
    house.submit(recipient, letter(recipient, fields=TEST_MODE))
    house.event(recipient, "stored")
    (row,) = house.cli_rows("captures", "--to", recipient)
    assert row["application"] == house.login and row["domain"] == DOMAIN
    assert house.cli_rows("captures", "--application", house.login, "--tag", "trial", "--search", recipient)
    checked = house.cli("captures", "check", row["delivery_id"])
    assert {"dkim", "subject", "text", "lines"} <= {each["check"] for each in checked["findings"]}
    made = house.cli("captures", "release", row["delivery_id"], "--to", other)
    assert made["recipient"] == other
    (copy,) = house.internet.copies(other)
    assert copy.content.lower().count(b"dkim-signature:") == 1
    assert verified_signatures(copy.content, records(house, DOMAIN)) == ["ph1"]
    assert house.internet.to(recipient) == []
    assert house.cli("captures", "remove", row["delivery_id"]) == {"removed": 1}
    assert house.cli_rows("captures", "--to", recipient) == []
