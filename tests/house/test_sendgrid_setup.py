"""SG-11: the official Python client sets event webhooks, domains, senders and pools up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from python_http_client.exceptions import BadRequestsError, NotFoundError
from sendgrid import SendGridAPIClient

from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, unique, with_settings
from posthouse.rules.permissions import FULL

SETTINGS = with_settings(
    {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}},
)


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=SETTINGS)


@pytest.fixture(scope="module")
def sg(house: House) -> Any:
    """`sg.client` of SendGrid's own package."""
    words = [word for permission in FULL for word in ("--permission", permission)]
    key = house.cli("key", "add", *words)["key"]
    return SendGridAPIClient(key, host=f"http://127.0.0.1:{house.port_http}").client


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


def read(response: Any) -> Any:
    return json.loads(response.body) if response.body else None


def test_SG_11_the_official_client_sets_an_event_webhook_up(sg: Any, receivers: Receivers) -> None:
    settings = sg.user.webhooks.event.settings
    path = f"/{unique()}"
    wanted = {"enabled": True, "url": receivers.url(path), "delivered": True, "spam_report": True}
    made = read(settings.post(request_body=wanted))
    assert made["enabled"] and made["delivered"] and not made["open"]
    signed = read(settings.signed._(made["id"]).patch(request_body={"enabled": True}))
    assert read(settings._(made["id"]).get())["public_key"] == signed["public_key"] != ""
    assert [each["id"] for each in read(settings.all.get())["webhooks"]] == [made["id"]]
    tried = sg.user.webhooks.event.test.post(request_body={"url": receivers.url(path), "id": made["id"]})
    assert tried.status_code == 204
    (post,) = receivers.to(path)
    assert {"processed", "delivered", "open"} <= {event["event"] for event in list(post.body)}
    changed = read(settings.patch(request_body={"open": True}))  # the way of older code
    assert (changed["id"], changed["open"]) == (made["id"], True)
    assert settings._(made["id"]).delete().status_code == 204
    with pytest.raises(NotFoundError):
        settings._(made["id"]).get()


def test_SG_11_the_official_client_authenticates_a_domain(sg: Any) -> None:
    name = f"{unique('d')}.test"
    made = read(sg.whitelabel.domains.post(request_body={"domain": name, "automatic_security": True}))
    assert (made["domain"], made["valid"]) == (name, False)
    domain = sg.whitelabel.domains._(made["id"])
    checked = read(domain.validate.post())
    assert checked["id"] == made["id"]
    assert checked["validation_results"]["dkim"]["valid"] is False
    assert checked["validation_results"]["dkim"]["reason"]
    assert {each["domain"] for each in read(sg.whitelabel.domains.get())} >= {DOMAIN, name}
    assert domain.delete().status_code == 204


def test_SG_11_the_official_client_makes_a_pool(house: House, sg: Any) -> None:
    house.cli("ip", "add", "127.0.0.1")
    assert [each["ip"] for each in read(sg.ips.get())] == ["127.0.0.1"]
    name = unique("pool")
    assert read(sg.ips.pools.post(request_body={"name": name})) == {"name": name}
    assert read(sg.ips.pools._(name).get()) == {"pool_name": name, "ips": ["127.0.0.1"]}
    assert sg.ips.pools._(name).delete().status_code == 204


def test_SG_11_the_official_client_notes_a_sender(sg: Any) -> None:
    name = unique("sender")
    email = f"{name}@{DOMAIN}"
    made = read(
        sg.verified_senders.post(request_body={"nickname": name, "from_email": email, "reply_to": email})
    )
    assert (made["from_email"], made["verified"]) == (email, True)
    assert made in read(sg.verified_senders.get(query_params={"limit": 100}))["results"]
    changed = read(sg.verified_senders._(made["id"]).patch(request_body={"city": "Oslo"}))
    assert changed == {**made, "city": "Oslo"}
    assert read(sg.verified_senders.steps_completed.get())["results"]["sender_verified"]
    assert sg.verified_senders.resend._(made["id"]).post().status_code == 204
    assert sg.verified_senders._(made["id"]).delete().status_code == 204


def test_SG_11_the_official_client_checks_a_link(sg: Any) -> None:
    (link,) = [each for each in read(sg.whitelabel.links.get()) if each["domain"] == DOMAIN]
    checked = read(sg.whitelabel.links._(link["id"]).validate.post())
    assert (checked["id"], set(checked["validation_results"])) == (link["id"], {"domain_cname"})


def test_SG_11_the_official_client_finds_no_parsing_of_mail(sg: Any) -> None:
    settings = sg.user.webhooks.parse.settings
    assert read(settings.get()) == {"result": []}
    with pytest.raises(BadRequestsError, match="400"):
        settings.post(request_body={"hostname": "in.shop.test", "url": "https://shop.test/in"})
    assert read(sg.access_settings.whitelist.get()) == {"result": []}
